/**
 * Pictures of the page at each step of its path, light, dark and on a phone's width, from a build and an installed
 * Chromium: `npm run screenshots --workspace packages/explorer [-- FOLDER]`. Without a folder the README's own, which are small.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { servePage } from "../dist/index.js";

const asked = process.argv[2];
const folder = asked ?? fileURLToPath(new URL("../pictures", import.meta.url));
mkdirSync(folder, { recursive: true });

const looks = {
  light: { viewport: { width: 1200, height: 900 }, colorScheme: "light" },
  dark: { viewport: { width: 1200, height: 900 }, colorScheme: "dark" },
  phone: { viewport: { width: 380, height: 800 }, colorScheme: "light" },
};
const small = asked === undefined;

const { url, close } = await servePage();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
for (const [name, look] of Object.entries(looks)) {
  const page = await browser.newPage({
    ...look,
    reducedMotion: "reduce",
    deviceScaleFactor: small ? 0.45 : 1,
  });
  page.on("console", (message) => console.error(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => console.error(error.message));
  await page.goto(url);
  await page.waitForSelector("html[data-ready]", { timeout: 60_000 });
  if (!small) await page.screenshot({ path: join(folder, `${name}-whole.png`), fullPage: true });
  await page.locator("header + div > button").click();
  for (let step = 1; step <= 8; step++) {
    await page
      .locator(".dots button")
      .nth(step - 1)
      .click();
    if (step === 5) await page.locator("#climb button").click();
    await page.waitForTimeout(2500);
    const form = small ? { path: join(folder, `${name}-${step}.jpg`), type: "jpeg", quality: 60 } : {};
    await page.screenshot({ path: join(folder, `${name}-${step}.png`), ...form });
  }
  await page.close();
}
await browser.close();
await close();
