/** A model, ready: what it is called here, which profiles it has, and who is answered. */
import { createHash } from "node:crypto";
import { type Engine, Scheduler, type SchedulerBounds } from "@amulet-ts/core";
import { ServerError } from "../errors.js";
import type { ModelBody } from "../protocol/models.js";
import { Dials } from "./steer.js";

export interface AnswererOptions {
  readonly name?: string | undefined;
  /** Preferences by the names of profiles. */
  readonly profiles: ReadonlyMap<string, string>;
  readonly bounds: SchedulerBounds;
}

/** What a client chose as its model. */
export interface ChosenModel {
  readonly id: string;
  readonly profile?: string;
  /** The profile's. */
  readonly preference?: string;
}

export class Answerer {
  readonly scheduler: Scheduler;
  readonly dials = new Dials();
  readonly name: string;
  /** Changes with whatever may change an answer: model, engine, their versions. */
  readonly fingerprint: string;
  private readonly created = Math.floor(Date.now() / 1000);

  constructor(
    readonly engine: Engine,
    private readonly options: AnswererOptions,
  ) {
    const { model, backend } = engine;
    this.name = options.name ?? model.name;
    this.scheduler = new Scheduler(model, options.bounds);
    const facts = [model.name, model.vocabularySize, backend.name, backend.description, backend.version];
    this.fingerprint = `fp_${createHash("sha256").update(JSON.stringify(facts)).digest("hex").slice(0, 12)}`;
  }

  /** The model itself, and once more for each profile. */
  get models(): ModelBody[] {
    const names = [
      this.name,
      ...[...this.options.profiles.keys()].map((profile) => `${this.name}:${profile}`),
    ];
    const { coverage } = this.engine.model;
    const facts = {
      object: "model",
      created: this.created,
      owned_by: "amulet",
      amulet: { coverage },
    } as const;
    return names.map((id) => ({ id, ...facts }));
  }

  /** Where none is named, the model as it is. @throws ServerError `no-such-model` */
  choose(id: string = this.name): ChosenModel {
    if (id === this.name) return { id };
    const profile = id.startsWith(`${this.name}:`) ? id.slice(this.name.length + 1) : undefined;
    const preference = profile === undefined ? undefined : this.options.profiles.get(profile);
    if (profile !== undefined && preference !== undefined) return { id, profile, preference };
    const names = this.models.map((model) => model.id).join(", ");
    throw new ServerError(
      "no-such-model",
      `There is no model ${JSON.stringify(id.slice(0, 120))} here. There are: ${names}.`,
      { param: "model" },
    );
  }
}
