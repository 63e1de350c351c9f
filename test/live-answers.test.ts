/** The host lives while a model answers, on wasm. */
import { holdLiveAnswers } from "./live/answers.js";

holdLiveAnswers("wasm", 20, "cpu");
