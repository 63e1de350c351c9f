/** Health, people, animals and leisure. */
import { topic } from "./topic.js";

export const lifeTopics = [
  topic(
    "sleep",
    "How can I get better sleep?",
    [
      "most adults need seven to nine hours of sleep",
      "bright screens in the evening delay sleep",
      "a cool and dark room improves sleep",
      "coffee disturbs sleep for many hours",
    ],
    [
      "keep the same hours of sleep every day",
      "put the phone away an hour before sleep",
      "drink less coffee for better sleep",
    ],
  ),
  topic(
    "running",
    "How do I start with running?",
    [
      "running strengthens the heart and the bones",
      "most injuries from running come from doing too much",
      "easy days make running faster in the end",
      "shoes for running wear out after many miles",
    ],
    [
      "mix short walks into the first weeks of running",
      "add a little running every week",
      "rest for a day after hard running",
    ],
  ),
  topic(
    "swimming",
    "How do I get better at swimming?",
    [
      "swimming trains nearly every muscle",
      "swimming is gentle on the knees",
      "good breathing makes swimming easier",
      "the water carries most of the weight in swimming",
    ],
    [
      "breathe out under water when swimming",
      "keep the body flat when swimming",
      "take a lesson in swimming",
    ],
  ),
  topic(
    "bicycles",
    "How do I look after bicycles?",
    [
      "bicycles roll more easily on firm tyres",
      "a dry chain wears bicycles down",
      "bicycles last longer in a dry place",
      "a saddle that is too low makes bicycles slow",
    ],
    [
      "oil the chain of bicycles every month",
      "test the brakes of bicycles before a ride",
      "pump up the tyres of bicycles every two weeks",
    ],
  ),
  topic(
    "walking",
    "Why is walking good for me?",
    [
      "brisk walking keeps the heart healthy",
      "walking after a meal lowers blood sugar",
      "walking in a park calms the mind",
      "walking needs no gear but good shoes",
    ],
    [
      "take a break for walking at noon",
      "go walking with a friend",
      "get off the bus one stop early and go walking",
    ],
  ),
  topic(
    "stretching",
    "How should I begin stretching?",
    [
      "stretching works best with warm muscles",
      "stretching should pull but not hurt",
      "regular stretching makes stiff hips looser",
      "stretching does little against sore legs",
    ],
    [
      "hold each pose for half a minute when stretching",
      "breathe slowly when stretching",
      "do some stretching after a long day at a desk",
    ],
  ),
  topic(
    "back pain",
    "What can I do about back pain?",
    [
      "most back pain gets better within six weeks",
      "movement helps more against back pain than rest",
      "strong muscles protect against back pain",
      "long sitting makes back pain worse",
    ],
    [
      "stay active in spite of back pain",
      "lift from the knees to avoid back pain",
      "see a doctor when back pain lasts",
    ],
  ),
  topic(
    "stress",
    "How do I deal with stress?",
    [
      "short breaks lower stress at work",
      "slow breathing calms the body under stress",
      "exercise makes stress easier to bear",
      "too many tasks at once add to stress",
    ],
    [
      "talk with a friend about stress",
      "write down what causes the stress",
      "say no to new tasks when stress grows",
    ],
  ),
  topic(
    "headaches",
    "What helps against headaches?",
    [
      "too little water can cause headaches",
      "many headaches come from a tense neck",
      "regular meals help to prevent headaches",
      "too many pills can cause headaches as well",
    ],
    [
      "drink a glass of water against headaches",
      "rest in a dark room during headaches",
      "keep a diary of headaches",
    ],
  ),
  topic(
    "colds",
    "How do I get over colds?",
    [
      "most colds pass within ten days",
      "antibiotics do not help against colds",
      "colds spread mostly through hands and air",
      "honey soothes the cough that comes with colds",
    ],
    ["wash your hands often to avoid colds", "drink plenty during colds", "stay at home with bad colds"],
  ),
  topic(
    "teeth",
    "How do I keep my teeth healthy?",
    [
      "sugar feeds the germs that harm teeth",
      "fluoride makes teeth harder",
      "teeth suffer when they are brushed too hard",
      "sour drinks soften teeth for a while",
    ],
    [
      "brush your teeth twice a day",
      "clean between your teeth every evening",
      "have your teeth checked every year",
    ],
  ),
  topic(
    "sunburn",
    "How do I avoid sunburn?",
    [
      "sunburn happens even under thin clouds",
      "snow and water make sunburn more likely",
      "sunburn in childhood raises risks later on",
      "sunburn often shows only some hours later",
    ],
    [
      "put on cream half an hour ahead to avoid sunburn",
      "stay in the shade at noon to avoid sunburn",
      "cool sunburn with a wet cloth",
    ],
  ),
  topic(
    "breakfast",
    "What is a good breakfast?",
    [
      "oats at breakfast keep hunger away for long",
      "eggs at breakfast give plenty of protein",
      "a sweet breakfast makes people hungry soon",
      "fruit adds fibre to breakfast",
    ],
    [
      "prepare breakfast in the evening",
      "eat breakfast without a screen",
      "add a handful of berries to breakfast",
    ],
  ),
  topic(
    "drinking water",
    "Do I need more drinking water?",
    [
      "thirst is a good guide to drinking water",
      "hot days call for more drinking water",
      "pale urine is a sign of enough drinking water",
      "old pipes can spoil drinking water",
    ],
    [
      "keep a bottle of drinking water on the desk",
      "add a slice of lemon to drinking water",
      "let stale drinking water run off in the morning",
    ],
  ),
  topic(
    "meditation",
    "How do I begin with meditation?",
    [
      "ten minutes of meditation a day make a start",
      "meditation trains attention like a muscle",
      "wandering thoughts are a normal part of meditation",
      "meditation can lower the blood pressure a little",
    ],
    [
      "sit upright during meditation",
      "count your breaths in meditation",
      "choose a quiet hour for meditation",
    ],
  ),
  topic(
    "friendship",
    "How do I keep a friendship alive?",
    [
      "friendship grows with the time spent together",
      "small favours keep a friendship warm",
      "honest words make a friendship stronger",
      "a long friendship is good for health",
    ],
    [
      "call someone today for the sake of friendship",
      "listen more than you talk in a friendship",
      "forgive small mistakes in a friendship",
    ],
  ),
  topic(
    "children",
    "How do I get on well with children?",
    [
      "children learn a lot while they play",
      "clear rules make children feel safe",
      "children need more sleep than adults",
      "children copy what adults do",
    ],
    [
      "read to children every evening",
      "praise children for their effort",
      "let children help in the kitchen",
    ],
  ),
  topic(
    "dogs",
    "How do I look after dogs?",
    [
      "dogs need several walks a day",
      "chocolate is poison for dogs",
      "dogs learn best through rewards",
      "dogs smell far better than people",
    ],
    ["train dogs in short lessons", "meet new dogs calmly", "take dogs out of the car on hot days"],
  ),
  topic(
    "cats",
    "What do cats need?",
    [
      "cats sleep for more than twelve hours a day",
      "cats see well in weak light",
      "lilies are poison for cats",
      "cats scratch to care for their claws",
    ],
    [
      "play with cats before their meal",
      "keep the food of cats away from their litter",
      "give cats a high place to rest",
    ],
  ),
  topic(
    "birds",
    "How can I help birds in my garden?",
    [
      "birds sing most at dawn in spring",
      "many birds fly south in autumn",
      "hedges give birds a safe place to nest",
      "bread is poor food for birds",
    ],
    [
      "put out fresh water for birds",
      "clean the feeders of birds every week",
      "watch birds early in the day",
    ],
  ),
  topic(
    "fish tanks",
    "How do I set up fish tanks?",
    [
      "large fish tanks are easier to keep than small ones",
      "too much food spoils the water in fish tanks",
      "plants add oxygen to fish tanks",
      "direct sun makes algae grow in fish tanks",
    ],
    [
      "change some water in fish tanks every week",
      "run new fish tanks for a month without fish",
      "test the water in fish tanks often",
    ],
  ),
] as const;
