import { TemplateError } from "../template-error.js";

/**
 * What one rendering may take: a chat template comes with a checkpoint, from people whom nobody knows. A template of a
 * model takes a few hundred steps and about its own length of text for each message; some go through the characters of
 * a message, at ten steps each. Python's sandbox, too, refuses a longer range.
 */
export const usualBounds = {
  steps: 2_000_000,
  stepsPerCharacter: 20,
  text: 2 ** 24,
  calls: 100,
  range: 100_000,
} as const;

/** Counts what a rendering takes. Every loop of the interpreter spends from it, so that no template runs for long. */
export class Budget {
  private readonly most: number;
  private steps = 0;
  private calls = 0;

  /** @param characters in the variables that the template is given */
  constructor(characters: number) {
    this.most = usualBounds.steps + usualBounds.stepsPerCharacter * characters;
  }

  /** @throws TemplateError where the steps are used up */
  spend(steps = 1): void {
    this.steps += steps;
    if (this.steps > this.most)
      throw new TemplateError(`it takes more than ${number(this.most)} steps, which is the bound`);
  }

  /** @throws TemplateError where a text would be too long */
  checkText(length: number): void {
    if (length <= usualBounds.text) return;
    throw new TemplateError(
      `it makes a text of more than ${number(usualBounds.text)} characters, which is the bound`,
    );
  }

  /** For a text that is about to be made, or gone through. @throws TemplateError where it is too long */
  spendText(length: number): void {
    this.checkText(length);
    this.spend(1 + (length >> 4));
  }

  /** Runs a macro or a loop's body one call deeper. */
  deeper<T>(run: () => T): T {
    if (++this.calls > usualBounds.calls)
      throw new TemplateError(
        `its macros call each other more than ${usualBounds.calls} deep, which is the bound`,
      );
    const result = run();
    this.calls--;
    return result;
  }
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}
