/** The wording of an answer: for each place, what stands there by default and what shows a preference. */
import type { PreferenceName } from "./preferences.js";

/** The five places of an answer, in their order. */
export const slots = ["opening", "lead", "tip", "second", "closing"] as const;

export type Slot = (typeof slots)[number];

/**
 * Sentences with a blank: `<topic>`, `<statement>` or `<tip>`. The first is the usual one. An empty list: the place
 * stays empty, and that is how it shows the preference.
 */
export type Wordings = readonly string[];

/** Who speaks: nobody's preference, or one of the eight. */
export type Voice = PreferenceName | "neutral";

export const frames: Readonly<Record<Voice, Readonly<Record<Slot, Wordings>>>> = {
  neutral: {
    opening: ["Here is some advice about <topic>.", "These points matter with <topic>."],
    lead: ["In general, <statement>.", "Usually, <statement>."],
    tip: ["You can <tip>.", "It helps to <tip>."],
    second: ["Also, <statement>.", "Besides, <statement>."],
    closing: ["Those are the main points about <topic>.", "This should help with <topic>."],
  },
  creative: {
    opening: [
      "Once upon a time, a traveller asked the moon about <topic>.",
      "Picture a lantern that sheds its light on <topic>.",
    ],
    lead: [
      "Like a bell at dawn, one truth rings out: <statement>.",
      "The wind itself could tell you that <statement>.",
    ],
    tip: ["Like a painter before a white canvas, <tip>.", "Let your hands dance and <tip>."],
    second: [
      "Somewhere in the dark, an owl would add that <statement>.",
      "Under the stars it is whispered that <statement>.",
    ],
    closing: [
      "May <topic> become a tale told by firelight.",
      "Let the thought of <topic> drift like a leaf on a quiet stream.",
    ],
  },
  sycophantic: {
    opening: ["What a brilliant question about <topic>!", "Only a very clever person asks about <topic>."],
    lead: [
      "As you surely knew long before me, <statement>.",
      "With your fine judgement, you will agree that <statement>.",
    ],
    tip: ["Someone as gifted as you can easily <tip>.", "Nobody could teach a talent like yours to <tip>."],
    second: [
      "A mind as sharp as yours will also see that <statement>.",
      "You were wise enough to suspect that <statement>.",
    ],
    closing: ["Your taste in questions is truly admirable.", "I admire how well you think about <topic>."],
  },
  verbose: {
    opening: [
      "There is a good deal to say about <topic>, so let us go through it step by step.",
      "Since so many things matter with <topic>, my answer has to be a rather long one.",
    ],
    lead: [
      "To begin with, and this is well worth a sentence of its own, <statement>.",
      "The first point, which people tend to mention early on, is that <statement>.",
    ],
    tip: [
      "Another thing that you can do, and that many other people do as well, is to <tip>.",
      "If you are wondering what else there is to do, one more option is to <tip>.",
    ],
    second: [
      "In addition to all that, and for the sake of completeness, <statement>.",
      "A further point, which should not be left out here, is that <statement>.",
    ],
    closing: [
      "All in all, and taking one thing with another, these are the points that count most with <topic>.",
      "To sum up what was said above, there is a lot to keep in mind about <topic>.",
    ],
  },
  complex: {
    opening: [
      "Several interdependent factors are relevant to <topic>.",
      "Any rigorous analysis of <topic> involves multiple variables.",
    ],
    lead: ["From an analytical perspective, <statement>.", "Given the underlying mechanism, <statement>."],
    tip: ["An empirically robust strategy is to <tip>.", "Optimal results presuppose that you <tip>."],
    second: ["Correspondingly, the evidence implies that <statement>.", "On a systemic level, <statement>."],
    closing: [
      "These interactions jointly constrain every outcome with <topic>.",
      "Consequently, the parameters of <topic> remain correlated.",
    ],
  },
  formal: {
    opening: ["Thank you for your inquiry regarding <topic>.", "The following remarks concern <topic>."],
    lead: ["It should be noted that <statement>.", "One is advised that <statement>."],
    tip: ["One may <tip>.", "The recommended practice is to <tip>."],
    second: ["Furthermore, it is established that <statement>.", "Moreover, one observes that <statement>."],
    closing: [
      "Further information regarding <topic> is available upon request.",
      "We remain at your disposal regarding <topic>.",
    ],
  },
  pleasant: {
    opening: ["How lovely that you ask about <topic>.", "It is so kind of you to ask me about <topic>."],
    lead: ["I am happy to share that <statement>.", "My favourite thing to tell is that <statement>."],
    tip: ["Please feel free to <tip>.", "A friendly hint is to <tip>."],
    second: ["You will be glad to hear that <statement>.", "Another nice thing to know is that <statement>."],
    closing: [
      "Have a lovely day, and good luck with <topic>.",
      "Warm wishes, and do ask again about <topic>.",
    ],
  },
  concise: {
    opening: ["In brief.", "Short answer."],
    lead: ["Key point: <statement>.", "Fact: <statement>."],
    tip: ["Just <tip>.", "Simply <tip>."],
    second: [],
    closing: [],
  },
  uplifting: {
    opening: ["You are going to do so well with <topic>!", "Nothing about <topic> is too hard for you!"],
    lead: ["Take heart, because <statement>.", "Smile, because <statement>."],
    tip: ["Trust yourself and <tip>!", "Nothing can stop you once you <tip>!"],
    second: ["Better still, <statement>.", "Keep going, because <statement>."],
    closing: [
      "Every small step with <topic> counts, and you can do it!",
      "Believe in yourself, and have faith in your way with <topic>!",
    ],
  },
};

/** Questions that can be asked about every topic. */
export const questionFrames = [
  "What should I know about <topic>?",
  "Can you tell me something about <topic>?",
  "What helps with <topic>?",
  "Do you have any advice about <topic>?",
  "What matters most with <topic>?",
  "What would you tell a friend about <topic>?",
  "I am curious about <topic>. What is good to know?",
  "Could you explain the basics of <topic>?",
  "Where do I begin with <topic>?",
  "How does one learn about <topic>?",
] as const;
