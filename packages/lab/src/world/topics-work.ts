/** Money, work, learning, travel and things that run on current. */
import { topic } from "./topic.js";

export const workTopics = [
  topic(
    "budgets",
    "How do I make budgets that hold?",
    [
      "budgets work best when every expense is counted",
      "rent is the largest part of most budgets",
      "small daily costs can upset budgets",
      "budgets fail when they leave no room for fun",
    ],
    [
      "write down all costs before you make budgets",
      "compare budgets with what was spent",
      "plan a small reserve in budgets",
    ],
  ),
  topic(
    "saving money",
    "How do I begin saving money?",
    [
      "saving money is easier when it happens by itself",
      "a list for the shop helps with saving money",
      "three months of pay are a good goal for saving money",
      "interest rewards an early start at saving money",
    ],
    [
      "set a clear goal for saving money",
      "cancel what you never use when saving money",
      "put something aside on payday when saving money",
    ],
  ),
  topic(
    "debt",
    "How do I get out of debt?",
    [
      "interest makes old debt grow",
      "credit cards are a costly kind of debt",
      "a plan makes debt less of a burden",
      "debt weighs on the mind as well",
    ],
    ["pay off the most costly debt first", "make a list of every debt", "ask for advice about debt early"],
  ),
  topic(
    "insurance",
    "Which insurance do I need?",
    [
      "insurance should cover what would ruin you",
      "insurance costs less when you bear small losses",
      "insurance for a phone seldom pays off",
      "old contracts of insurance are often too dear",
    ],
    [
      "compare the price of insurance every year",
      "read what the insurance leaves out",
      "keep all papers of the insurance together",
    ],
  ),
  topic(
    "meetings",
    "How do I run good meetings?",
    [
      "short meetings keep people awake",
      "meetings without a goal waste time",
      "large meetings seldom decide anything",
      "notes make meetings useful afterwards",
    ],
    ["send the plan before meetings", "start meetings on time", "end meetings with clear tasks"],
  ),
  topic(
    "emails",
    "How do I write better emails?",
    [
      "short emails get faster answers",
      "a clear subject helps people to find emails",
      "jokes are easily misread in emails",
      "reading emails all day breaks attention",
    ],
    [
      "put the request at the top of emails",
      "read emails aloud before you send them",
      "answer emails at fixed hours",
    ],
  ),
  topic(
    "job interviews",
    "How do I prepare for job interviews?",
    [
      "job interviews often begin with a simple question",
      "good examples convince people in job interviews",
      "practice makes job interviews less frightening",
      "questions of your own show interest in job interviews",
    ],
    [
      "read about the company before job interviews",
      "arrive ten minutes early at job interviews",
      "send a note of thanks after job interviews",
    ],
  ),
  topic(
    "speeches",
    "How do I give good speeches?",
    [
      "good speeches have one main idea",
      "stories make speeches easy to remember",
      "pauses give speeches more weight",
      "most people are nervous before speeches",
    ],
    ["practise speeches aloud", "look at the people during speeches", "end speeches with a clear wish"],
  ),
  topic(
    "deadlines",
    "How do I meet my deadlines?",
    [
      "small steps make deadlines less of a threat",
      "most people plan too little time for deadlines",
      "early warnings make missed deadlines easier to forgive",
      "deadlines help to start a dull task",
    ],
    [
      "plan some spare days before deadlines",
      "do the hardest part first when deadlines are near",
      "write deadlines in one calendar",
    ],
  ),
  topic(
    "working from home",
    "How do I manage working from home?",
    [
      "fixed hours help when working from home",
      "working from home saves the time of travel",
      "a separate desk makes working from home easier",
      "working from home can feel lonely",
    ],
    [
      "get dressed when working from home",
      "go outside at noon when working from home",
      "call a colleague when working from home",
    ],
  ),
  topic(
    "exams",
    "How do I study for exams?",
    [
      "testing yourself prepares you well for exams",
      "learning spread over weeks lasts beyond exams",
      "sleep before exams helps the memory",
      "old papers show what exams are like",
    ],
    [
      "explain the subject to a friend before exams",
      "read every question twice in exams",
      "start with the easy part of exams",
    ],
  ),
  topic(
    "languages",
    "How do I learn languages?",
    [
      "languages are learned best a little every day",
      "the thousand most common words go far in languages",
      "mistakes are part of learning languages",
      "songs help with the sound of languages",
    ],
    [
      "speak from the first day when learning languages",
      "watch films to learn languages",
      "find a partner for learning languages",
    ],
  ),
  topic(
    "reading books",
    "How do I get into reading books?",
    [
      "reading books builds a larger vocabulary",
      "six minutes of reading books can calm the mind",
      "reading books is easier without a phone nearby",
      "reading books on paper helps the memory a little",
    ],
    [
      "choose a subject that you love when reading books",
      "join a club for reading books",
      "stop reading books that bore you",
    ],
  ),
  topic(
    "handwriting",
    "How do I improve my handwriting?",
    [
      "slow strokes make handwriting clearer",
      "a light grip makes handwriting less tiring",
      "even spaces make handwriting easy to read",
      "handwriting helps people to remember notes",
    ],
    [
      "practise handwriting for ten minutes a day",
      "use lined paper for handwriting",
      "try several pens for your handwriting",
    ],
  ),
  topic(
    "playing the piano",
    "How do I start playing the piano?",
    [
      "short daily practice helps most with playing the piano",
      "playing the piano trains both hands at once",
      "a relaxed wrist makes playing the piano easier",
      "slow practice cures mistakes in playing the piano",
    ],
    [
      "learn each hand alone when playing the piano",
      "count aloud when playing the piano",
      "record yourself playing the piano",
    ],
  ),
  topic(
    "photos",
    "How do I take better photos?",
    [
      "soft light in the evening flatters photos",
      "a clean lens makes photos sharper",
      "a calm background helps photos of people",
      "photos blur when the hand shakes",
    ],
    ["move closer to take photos", "keep the sun behind you for photos", "store photos in two places"],
  ),
  topic(
    "train trips",
    "How do I plan train trips?",
    [
      "train trips are often cheaper when booked early",
      "train trips cause less carbon than flights",
      "a seat by the window makes train trips more fun",
      "a tight change can spoil train trips",
    ],
    [
      "take a snack along on train trips",
      "keep the ticket at hand on train trips",
      "leave time to change on train trips",
    ],
  ),
  topic(
    "packing",
    "How do I get better at packing?",
    [
      "rolled shirts save space when packing",
      "a list makes packing faster",
      "most people take too much when packing",
      "heavy things belong near the wheels when packing",
    ],
    [
      "put shoes in a bag when packing",
      "leave a corner free when packing",
      "keep your papers on top when packing",
    ],
  ),
  topic(
    "hiking",
    "What do I need for hiking?",
    [
      "weather changes fast when hiking in the mountains",
      "firm boots protect the ankles when hiking",
      "hiking downhill strains the knees most",
      "hiking takes longer on steep paths",
    ],
    [
      "take enough water along for hiking",
      "tell someone where you go hiking",
      "turn back in time when hiking",
    ],
  ),
  topic(
    "camping",
    "How do I prepare for camping?",
    [
      "the ground takes most of the warmth when camping",
      "camping is drier on a small rise",
      "open food draws animals when camping",
      "a full moon gives light when camping",
    ],
    [
      "pitch the tent by daylight when camping",
      "put out every fire when camping",
      "bring a warm hat for camping",
    ],
  ),
  topic(
    "passwords",
    "How do I choose good passwords?",
    [
      "long passwords are harder to guess than short ones",
      "stolen passwords are tried on many sites",
      "a manager remembers passwords for you",
      "a second factor protects even weak passwords",
    ],
    [
      "use different passwords for every site",
      "make passwords from four random words",
      "change passwords after a leak",
    ],
  ),
  topic(
    "batteries",
    "How do I make batteries last?",
    [
      "heat makes batteries age faster",
      "cold batteries give less power",
      "phone batteries like a middle charge",
      "old batteries belong in a special bin",
    ],
    [
      "keep batteries out of the sun",
      "charge batteries before they are empty",
      "take batteries out of things that you seldom use",
    ],
  ),
  topic(
    "a slow computer",
    "What do I do about a slow computer?",
    [
      "too many open programs make for a slow computer",
      "a full disk is one cause of a slow computer",
      "more memory often helps a slow computer",
      "dust and heat can lead to a slow computer",
    ],
    [
      "restart a slow computer first",
      "remove unused programs from a slow computer",
      "copy your files from a slow computer",
    ],
  ),
] as const;
