/** The page: its parts in their order, and what keeps them going. */
import { drawAsk } from "./ask.js";
import { make, makeSection } from "./dom.js";
import {
  ask,
  complaint,
  engine,
  followChanges,
  followSelection,
  openEmbedded,
  openServer,
  sentenceOf,
  startInPath,
} from "./engine.js";
import { drawCurve, drawPlane, drawSameStrength } from "./figures.js";
import { servedBy } from "./models/on-server.js";
import { drawModels } from "./models/panel.js";
import { drawPath } from "./path.js";
import { announced, followAddress, state } from "./store.js";
import { drawStudy } from "./study/curves.js";
import { texts } from "./texts.js";
import { drawCandidates, drawDials, drawPlaceTitle } from "./token.js";
import { drawTriangle } from "./triangle.js";

function named(id: string, ...parts: HTMLElement[]): HTMLElement {
  return make("div", { id, class: "figures" }, ...parts);
}

const page = document.querySelector("#page")!;
page.append(
  make(
    "header",
    {},
    make("h1", {}, texts.title),
    make("p", { class: "lead" }, texts.lead(servedBy() !== undefined)),
  ),
  drawPath(),
  drawAsk(),
  makeSection(
    "token",
    texts.token.title,
    drawPlaceTitle(),
    make("div", { class: "loupe" }, drawDials(), drawCandidates()),
    make("div", { class: "figures" }, named("plane", drawPlane()), named("triangle", drawTriangle())),
    named("curve", drawCurve(), drawSameStrength()),
  ),
  drawStudy(),
  drawModels(),
  make("footer", { class: "faint" }, texts.footer),
  make("p", { class: "unseen", "aria-live": "polite" }, () => announced.value),
);

followAddress();
followChanges();
followSelection();
// The picture first, the model behind it.
requestAnimationFrame(() => setTimeout(start));

/** The server's model, where there is one that answers without more ado. */
async function openFirst(): Promise<void> {
  if (!servedBy() || servedBy()!.needsKey) return openEmbedded();
  if (state.peek().step > 0) return startInPath();
  try {
    await openServer();
  } catch (error) {
    await openEmbedded();
    complaint.value = sentenceOf(error);
  }
}

async function start(): Promise<void> {
  try {
    await openFirst();
    await ask(engine.peek()?.kind === "embedded");
  } catch {
    // The status line has said why.
  }
  document.documentElement.dataset.ready = String(state.peek().step);
}
