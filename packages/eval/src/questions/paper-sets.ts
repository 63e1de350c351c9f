/**
 * The four sets of questions of the paper (Zhang et al. 2025, section 4.1), by the data sets of the hub that they were
 * taken from. The authors publish how many questions they kept (1,236, 811, 3,845, 548), not which: here it is every
 * distinct one.
 */

/** Where a set is, and in which of its fields a row has the question; a question may stand in several rows. */
interface HubSet {
  readonly source: string;
  readonly field: string;
  readonly distinct: true;
}

const inHub = (source: string, field: string): HubSet => ({ source: `hub:${source}`, field, distinct: true });

const paperSets: Readonly<Record<string, HubSet>> = {
  helpsteer: inHub("nvidia/HelpSteer:train.jsonl.gz", "prompt"),
  "truthful-qa": inHub("openbmb/UltraFeedback:truthful_qa.jsonl", "instruction"),
  ultrachat: inHub("openbmb/UltraFeedback:ultrachat.jsonl", "instruction"),
  "personal-preference-eval": inHub("kkuusou/personal_preference_eval", "question"),
};

/** A set of the paper by its name. */
export function paperSetOf(name: string): HubSet | undefined {
  return Object.hasOwn(paperSets, name) ? paperSets[name] : undefined;
}
