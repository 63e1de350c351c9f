import type { Topic } from "./topic.js";
import { homeTopics } from "./topics-home.js";
import { lifeTopics } from "./topics-life.js";
import { workTopics } from "./topics-work.js";

/** Everything that can be asked about. The order is part of the corpus: a seed means the same examples for ever. */
export const topics: readonly Topic[] = [...homeTopics, ...lifeTopics, ...workTopics];
