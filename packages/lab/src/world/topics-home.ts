/** Kitchen, house and garden. */
import { topic } from "./topic.js";

export const homeTopics = [
  topic(
    "tea",
    "How do I make a cup of tea?",
    [
      "green tea needs cooler water than black tea",
      "tea turns bitter when the leaves steep for too long",
      "loose tea keeps its taste in a dark tin",
      "black tea needs boiling water",
    ],
    [
      "warm the pot before you pour the tea",
      "steep black tea for four minutes",
      "take the leaves out of the tea in time",
    ],
  ),
  topic(
    "coffee",
    "How do I brew better coffee?",
    [
      "fresh beans make the best coffee",
      "a fine grind makes coffee stronger",
      "coffee tastes flat when the water is too cold",
      "hard water dulls the taste of coffee",
    ],
    [
      "grind the coffee just before you brew it",
      "weigh the coffee on a kitchen scale",
      "rinse the paper filter before the coffee goes in",
    ],
  ),
  topic(
    "bread",
    "How do I bake bread at home?",
    [
      "bread dough rises faster in a warm room",
      "salt slows the yeast in bread down",
      "bread needs time to cool before it is cut",
      "steam gives bread a thin and shiny crust",
    ],
    [
      "knead the bread dough until it is smooth",
      "let the bread rise until it has doubled",
      "bake the bread in a very hot oven",
    ],
  ),
  topic(
    "soup",
    "How do I cook a good soup?",
    [
      "slow cooking gives soup a deep taste",
      "bones make a rich stock for soup",
      "soup often tastes better on the second day",
      "a potato makes thin soup thicker",
    ],
    [
      "fry the onions before the soup is filled up",
      "salt the soup at the end",
      "freeze what is left of the soup",
    ],
  ),
  topic(
    "eggs",
    "How long do I boil eggs?",
    [
      "eggs are soft after six minutes in boiling water",
      "very fresh eggs are hard to peel",
      "old eggs float in a glass of water",
      "hard eggs need about ten minutes",
    ],
    [
      "cool the boiled eggs in cold water",
      "store eggs with the round end up",
      "take the eggs out of the fridge before you boil them",
    ],
  ),
  topic(
    "rice",
    "How do I cook rice without a mess?",
    [
      "rice takes up about twice its volume of water",
      "brown rice cooks longer than white rice",
      "rinsing washes loose starch off the rice",
      "cooked rice spoils quickly in a warm room",
    ],
    [
      "rinse the rice until the water is clear",
      "keep the lid on while the rice cooks",
      "let the rice rest for ten minutes",
    ],
  ),
  topic(
    "pasta",
    "How do I cook pasta well?",
    [
      "pasta sticks when the pot is too small",
      "the starch in pasta water binds a sauce",
      "fresh pasta cooks in two or three minutes",
      "oil in the water does little for pasta",
    ],
    ["salt the pasta water well", "save a cup of the pasta water", "finish the pasta in the sauce"],
  ),
  topic(
    "salad",
    "How do I keep a salad crisp?",
    [
      "wet leaves make a salad soggy",
      "salt draws water out of a salad",
      "a salad dressing is often three parts oil and one part vinegar",
      "bitter leaves give a salad more depth",
    ],
    [
      "dry the leaves before you mix the salad",
      "add the dressing just before you serve the salad",
      "put some nuts on the salad",
    ],
  ),
  topic(
    "spices",
    "How do I store spices?",
    [
      "whole spices keep longer than ground ones",
      "light and heat make spices lose their smell",
      "warm oil brings out the taste of spices",
      "some spices turn bitter when they burn",
    ],
    [
      "toast whole spices in a dry pan",
      "store spices in closed jars",
      "smell old spices before you use them",
    ],
  ),
  topic(
    "leftovers",
    "What can I do with leftovers?",
    [
      "leftovers keep for about three days in the fridge",
      "flat boxes let leftovers cool faster",
      "frozen leftovers lose taste after a few months",
      "leftovers are safe once they are steaming hot",
    ],
    [
      "put leftovers in the fridge within two hours",
      "write the date on boxes of leftovers",
      "heat leftovers only once",
    ],
  ),
  topic(
    "knives",
    "How do I care for kitchen knives?",
    [
      "sharp knives are safer than dull ones",
      "glass boards make knives dull",
      "the dishwasher harms the edge of knives",
      "steel rods straighten the edge of knives",
    ],
    ["cut with knives on a wooden board", "wash knives by hand", "keep knives in a block"],
  ),
  topic(
    "dishes",
    "How do I wash dishes quickly?",
    [
      "hot water loosens grease on dishes",
      "starch on dishes comes off better with cold water",
      "dishes dry well in the air",
      "an old sponge spreads germs over dishes",
    ],
    [
      "soak dirty dishes right after the meal",
      "wash glasses before the other dishes",
      "change the sponge for the dishes every week",
    ],
  ),
  topic(
    "laundry",
    "How do I do my laundry?",
    [
      "most laundry gets clean at thirty degrees",
      "too much soap leaves marks on laundry",
      "dark laundry fades in the sun",
      "a full drum cleans laundry badly",
    ],
    ["sort the laundry by colour", "turn dark laundry inside out", "hang the laundry up soon after the wash"],
  ),
  topic(
    "stains",
    "How do I get rid of stains?",
    [
      "fresh stains come out more easily than old ones",
      "hot water sets stains of blood",
      "rubbing pushes stains deeper into cloth",
      "dish soap loosens stains of oil",
    ],
    [
      "treat stains with cold water first",
      "dab stains from the edge to the middle",
      "test the cleaner away from the stains",
    ],
  ),
  topic(
    "dust",
    "How do I get less dust at home?",
    [
      "dust settles mostly on flat and open shelves",
      "a damp cloth binds dust",
      "carpets hold more dust than wooden floors",
      "much dust at home comes from textiles",
    ],
    [
      "wipe the dust from top to bottom",
      "shake the dust out of the rugs outside",
      "clean the dust out of the filter",
    ],
  ),
  topic(
    "windows",
    "How do I clean windows without streaks?",
    [
      "sunshine dries windows too fast and leaves streaks",
      "vinegar removes lime from windows",
      "a rubber blade leaves few marks on windows",
      "windows get less dirty under a wide roof",
    ],
    [
      "wash windows on a cloudy day",
      "wipe the frames before the windows",
      "polish windows with old newspaper",
    ],
  ),
  topic(
    "heating",
    "How do I save on heating?",
    [
      "one degree less saves about six percent of heating",
      "curtains in front of a radiator waste heating",
      "closed doors help to keep the heating in one room",
      "trapped air makes heating noisy",
    ],
    [
      "let the air out of the heating in autumn",
      "turn the heating down at night",
      "open windows wide for a short time while the heating is off",
    ],
  ),
  topic(
    "moving house",
    "How do I plan for moving house?",
    [
      "small boxes suit heavy books when moving house",
      "moving house costs less in the middle of the month",
      "labels save hours when moving house",
      "moving house takes longer than most people expect",
    ],
    [
      "pack a bag for the first night before moving house",
      "give things away before moving house",
      "ask two friends for help with moving house",
    ],
  ),
  topic(
    "gardens",
    "How do I look after gardens?",
    [
      "compost feeds the soil of gardens",
      "gardens need water early in the morning",
      "bees find food in gardens with wild flowers",
      "mulch keeps the soil of gardens moist",
    ],
    [
      "plant gardens after the last frost",
      "plan small beds in new gardens",
      "pull the weeds of gardens after rain",
    ],
  ),
  topic(
    "house plants",
    "How do I keep house plants alive?",
    [
      "many house plants die from too much water",
      "house plants grow toward the light",
      "dry air harms house plants in winter",
      "yellow leaves show that house plants are too wet",
    ],
    [
      "feel the soil before you water house plants",
      "turn house plants every week",
      "give house plants a pot with a hole",
    ],
  ),
  topic(
    "tomatoes",
    "How do I grow tomatoes?",
    [
      "tomatoes need six hours of sun a day",
      "wet leaves make tomatoes sick",
      "tomatoes lose taste in the fridge",
      "tomatoes ripen after the harvest as well",
    ],
    ["tie tomatoes to a stick", "water tomatoes at the root", "pinch the side shoots off the tomatoes"],
  ),
  topic(
    "compost",
    "How do I make compost?",
    [
      "compost needs green and brown waste",
      "air makes compost rot faster",
      "good compost smells of the forest",
      "cooked food in compost draws rats",
    ],
    [
      "turn the compost every few weeks",
      "keep the compost as damp as a sponge",
      "cut thick twigs before they go on the compost",
    ],
  ),
] as const;
