/** A verification from JSON, as `toPlainData` wrote it, with every field that a report reads checked. */
import { VerifyError } from "../errors.js";
import type { Compared, Judgement, Value } from "../laws/judgement.js";
import type { Counterexample } from "../laws/law-report.js";
import type { Finding } from "../run/run-checks.js";
import type { Verification, VerificationPart, VerifiedSubject } from "./verification.js";

/**
 * Reads what JSON.parse gave. JSON has no NaN and no infinities: they are read from the texts "NaN", "Infinity" and
 * "-Infinity".
 *
 * @param source what the value is from, for the error
 * @throws VerifyError `bad-input`, naming the field that is not what it should be
 */
export function readVerification(value: unknown, source: string): Verification {
  const root = new Place(value, source);
  return {
    startedAt: root.at("startedAt").text(),
    seed: root.at("seed").number(),
    runs: root.at("runs").number(),
    software: root.at("software").each((version) => version.text()),
    subjects: root.at("subjects").list(readSubject),
    interrupted: root.at("interrupted").flag(),
    ...root.optional("parts", (parts) => parts.list(readPart)),
  };
}

function readPart(part: Place): VerificationPart {
  return {
    runs: part.at("runs").number(),
    laws: part.at("laws").list((law) => law.text()),
    subjects: part.at("subjects").list((subject) => subject.text()),
  };
}

function readSubject(subject: Place): VerifiedSubject {
  return {
    name: subject.at("name").text(),
    description: subject.at("description").text(),
    seconds: subject.at("seconds").number(),
    findings: subject.at("findings").list(readFinding),
    ...subject.optional("file", (file) => file.text()),
  };
}

const outcomes = ["held", "broken", "skipped", "interrupted"] as const;

function readFinding(finding: Place): Finding {
  return {
    group: finding.at("group").text(),
    label: finding.at("label").text(),
    law: finding.at("law").text(),
    subject: finding.at("subject").text(),
    outcome: finding.at("outcome").oneOf(outcomes),
    runs: finding.at("runs").number(),
    planned: finding.at("planned").number(),
    milliseconds: finding.at("milliseconds").number(),
    ...finding.optional("worst", readJudgement),
    ...finding.optional("counterexample", readCounterexample),
    ...finding.optional("missing", (missing) => missing.list((name) => name.text())),
  };
}

function readCounterexample(counterexample: Place): Counterexample {
  return {
    example: counterexample.at("example").text(),
    seed: counterexample.at("seed").number(),
    path: counterexample.at("path").text(),
    ...counterexample.optional("judgement", readJudgement),
    ...counterexample.optional("thrown", (thrown) => thrown.text()),
  };
}

function readJudgement(judgement: Place): Judgement {
  return {
    error: judgement.at("error").number(),
    tolerance: judgement.at("tolerance").number(),
    ...judgement.optional("compared", readCompared),
  };
}

/** A result that was no number at all is absent in JSON. */
function readCompared(compared: Place): Compared {
  return {
    what: compared.at("what").text(),
    expected: compared.at("expected").value as Value,
    got: compared.at("got").value as Value,
    ...compared.optional("entry", (entry) => entry.number()),
  };
}

/** A value in the JSON, and the way to it. */
class Place {
  constructor(
    readonly value: unknown,
    private readonly source: string,
    private readonly path = "",
  ) {}

  at(name: string): Place {
    return this.inside(this.object()[name], `.${name}`);
  }

  optional<Name extends string, T>(name: Name, read: (place: Place) => T): { readonly [Key in Name]?: T } {
    const place = this.at(name);
    return place.value === undefined ? {} : ({ [name]: read(place) } as { [Key in Name]?: T });
  }

  list<T>(read: (place: Place) => T): T[] {
    if (!Array.isArray(this.value)) throw this.fault("a list");
    return this.value.map((value, i) => read(this.inside(value, `[${i}]`)));
  }

  each<T>(read: (place: Place) => T): Record<string, T> {
    const names = Object.keys(this.object());
    return Object.fromEntries(names.map((name) => [name, read(this.at(name))]));
  }

  /** Without control characters: it will be printed, and must not command a terminal. */
  text(): string {
    if (typeof this.value === "string") return this.value.replace(/\p{Cc}/gu, "");
    throw this.fault("a text");
  }

  flag(): boolean {
    if (typeof this.value === "boolean") return this.value;
    throw this.fault("true or false");
  }

  number(): number {
    if (typeof this.value === "number") return this.value;
    if (["NaN", "Infinity", "-Infinity"].some((text) => text === this.value)) return Number(this.value);
    throw this.fault("a number");
  }

  oneOf<T extends string>(known: readonly T[]): T {
    const found = known.find((one) => one === this.value);
    if (found !== undefined) return found;
    throw this.fault(`one of ${known.join(", ")}`);
  }

  private object(): Record<string, unknown> {
    const { value } = this;
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
    throw this.fault("an object");
  }

  private inside(value: unknown, step: string): Place {
    return new Place(value, this.source, `${this.path}${step}`);
  }

  private fault(expected: string): VerifyError {
    const found = JSON.stringify(this.value)?.slice(0, 40) ?? "missing";
    const where = this.path === "" ? "" : ` ${this.path.slice(1)} must be ${expected}; it is ${found}.`;
    return new VerifyError(
      "bad-input",
      `${this.source} is not what \`amulet verify --json\` writes.${where}`,
    );
  }
}
