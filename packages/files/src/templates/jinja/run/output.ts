import type { Budget } from "./budget.js";

/** What a template has written so far. */
export class Output {
  private readonly budget: Budget;
  private readonly parts: string[] = [];
  private length = 0;

  constructor(budget: Budget) {
    this.budget = budget;
  }

  write(text: string): void {
    this.length += text.length;
    this.budget.checkText(this.length);
    this.parts.push(text);
  }

  toString(): string {
    return this.parts.join("");
  }
}
