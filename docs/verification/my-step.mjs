// One step of Amulet in plain arrays: all that a file needs for `amulet verify --subject`.
export const name = "my-step";

export function closedFormStep({ meanUtility, logReference, logCurrent }, { t, lambda, eta }) {
  const proximal = 1 / (eta * t);
  const score = (_, a) => meanUtility[a] + lambda * logReference[a] + proximal * logCurrent[a];
  const scores = logReference.map(score).map((sum) => sum / (lambda + proximal));
  const top = Math.max(...scores);
  const mass = scores.reduce((sum, score) => sum + Math.exp(score - top), 0);
  return scores.map((score) => score - top - Math.log(mass));
}
