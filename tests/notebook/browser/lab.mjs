// JupyterLab in a headless browser: what the scripts beside this one share.

import { createRequire } from "node:module";
import process from "node:process";

// The package is in the directory of the test's environment, not beside this file.
const { chromium } = createRequire(`${process.env.DPARK_NODE_MODULES}/`)("playwright-core");

export const DEADLINE = 120_000;

// Opens the notebook at argv[2], hands its page to `visit`, and prints the facts that it returns. A picture of what was there
// when something went wrong is kept.
export async function browse(name, visit) {
  const [address, artefacts] = process.argv.slice(2);
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const page = await browser.newPage({ viewport: { width: 1200, height: 1400 } });
  page.setDefaultTimeout(DEADLINE);
  const picture = (what) => page.screenshot({ path: `${artefacts}/${name}-${what}.png` });
  try {
    await page.goto(address);
    await page.waitForSelector(".jp-Notebook .jp-Cell");
    console.log(JSON.stringify(await visit(page, picture)));
  } catch (error) {
    await picture("failed").catch(() => {});
    throw error;
  } finally {
    await browser.close();
  }
}

export const cell = (page, index) => page.locator(".jp-Notebook .jp-CodeCell").nth(index);

// Selects a cell and runs it.
export async function run(page, index) {
  await cell(page, index).locator(".cm-content").click();
  await page.keyboard.press("Shift+Enter");
}

// Waits until the cell has ended: it has a number.
export async function ended(page, index) {
  await cell(page, index).locator(".jp-InputPrompt", { hasText: /\[\d+\]/ }).waitFor();
}

// The status bar says so; the circle in the toolbar is idle before there is a kernel.
export async function kernelIsReady(page) {
  await page.locator("#jp-main-statusbar", { hasText: /\| Idle/ }).waitFor();
}

// Opens what is folded, and waits for the first picture.
export async function unfold(page) {
  await page.locator(".jp-OutputArea-output img").first().waitFor({ state: "attached" });
  await page.locator(".jp-OutputArea-output details").evaluateAll((all) => all.forEach((details) => (details.open = true)));
  await page.locator(".jp-OutputArea-output img").first().waitFor();
}

// The rows of all tables in outputs.
export async function rows(page) {
  return page.locator(".jp-OutputArea-output tr").evaluateAll((lines) =>
    lines.map((line) => [...line.querySelectorAll("td")].map((field) => field.textContent.trim())),
  );
}

// The sizes of the images in outputs that have been drawn.
export async function pictures(page) {
  const images = page.locator(".jp-OutputArea-output img");
  return images.evaluateAll((all) => all.filter((image) => image.complete).map((image) => [image.naturalWidth, image.naturalHeight]));
}
