export {
  type LawFacts,
  listLaws,
  type PlannedCheck,
  type PlanOptions,
  planChecks,
  type Subjects,
} from "./plan.js";
export * from "./run-checks.js";
