import { FilesError } from "../../errors.js";
import { defaultRevision } from "../model-id.js";
import type { HubSettings } from "../settings.js";

/** What a request was about, for the sentence that says why it failed. */
export interface Subject {
  readonly repository: string;
  readonly revision: string;
  readonly file?: string;
}

/** Whether a repository is a data set: those are named `datasets/org/name`, as the hub's addresses have them. */
export function isDataset(repository: string): boolean {
  return /^datasets\/./.test(repository);
}

type Asker = Pick<HubSettings, "endpoint" | "token">;

/** Says in a sentence why the hub refused and what to do. */
export function explainRefusal(response: Response, subject: Subject, asker: Asker): FilesError {
  const code = response.headers.get("x-error-code");
  if (code === "RepoNotFound") return missingOrPrivate(subject, asker);
  if (code === "GatedRepo") return gated(subject, asker);
  if (code === "RevisionNotFound") return missingRevision(subject);
  if (code === "EntryNotFound") return missingFile(subject);
  if (response.status === 401) return missingOrPrivate(subject, asker);
  if (response.status === 403) return forbidden(response, subject, asker);
  if (response.status === 404) return subject.file ? missingFile(subject) : missingOrPrivate(subject, asker);
  if (response.status === 429) return tooMany(response, asker);
  return unexpected(response, subject, asker);
}

function gated({ repository }: Subject, { endpoint, token }: Asker): FilesError {
  const page = `${endpoint}/${repository}`;
  const next = token
    ? "and wait until your access is granted: the token you use does not have it"
    : `then set HF_TOKEN to a token of your account (${endpoint}/settings/tokens)`;
  return new FilesError("hub", `${repository} is gated: accept its terms at ${page}, ${next}.`);
}

function missingOrPrivate({ repository, revision }: Subject, { endpoint, token }: Asker): FilesError {
  const access = token
    ? "if it is private, HF_TOKEN must belong to an account that may read it and not have expired"
    : "if it is private, set HF_TOKEN";
  const at = revision === defaultRevision ? "" : ` (or none with a revision "${revision}")`;
  return new FilesError(
    "hub",
    `${endpoint} has no ${isDataset(repository) ? "data set" : "model"} ${repository}${at}: check the spelling; ${access}.`,
  );
}

function forbidden(response: Response, { repository }: Subject, { endpoint }: Asker): FilesError {
  return new FilesError(
    "hub",
    `${endpoint} does not let you read ${repository}${said(response)}. Accept its terms on its page if it has any, ` +
      "and let HF_TOKEN read gated repositories if it is a fine-grained token.",
  );
}

function missingRevision({ repository, revision }: Subject): FilesError {
  return new FilesError(
    "hub",
    `${repository} has no revision "${revision}": name a branch, tag or full commit, or leave it out for the newest.`,
  );
}

function missingFile({ repository, revision, file }: Subject): FilesError {
  return new FilesError(
    "file-not-found",
    `${repository} has no file ${file ?? "of that name"} at revision ${revision}: check its name on the model's page.`,
  );
}

function tooMany(response: Response, { endpoint, token }: Asker): FilesError {
  const after = response.headers.get("retry-after");
  const when = after
    ? ` (it asks for ${/^\d+$/.test(after) ? `${after} seconds` : `a pause until ${after}`})`
    : "";
  const more = token ? "" : " or set HF_TOKEN, which allows more";
  return new FilesError(
    "hub",
    `${endpoint} refuses further requests for now${when}: wait${more}. What was downloaded is kept.`,
  );
}

function unexpected(response: Response, { repository }: Subject, { endpoint }: Asker): FilesError {
  return new FilesError(
    "hub",
    `${endpoint} answered ${response.status} for ${repository}${said(response)}. ` +
      "Try again later; what was downloaded is kept.",
  );
}

function said(response: Response): string {
  const message = response.headers.get("x-error-message")?.slice(0, 300);
  return message ? ` ("${message}")` : "";
}
