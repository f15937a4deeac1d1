// Watches the progress of a job, then interrupts another one by the button in the toolbar.

import { browse, cell, ended, kernelIsReady, run } from "./lab.mjs";

await browse("progress", async (page, picture) => {
  await kernelIsReady(page);
  await run(page, 0);
  await ended(page, 0);

  await run(page, 1);
  const progress = cell(page, 1).locator(".jp-OutputArea-output").first();
  await progress.waitFor();
  const first = await progress.innerHTML();
  await picture("first");
  await page.waitForFunction(
    ([element, before]) => element.isConnected && element.innerHTML !== before,
    [await progress.elementHandle(), first],
  ).catch(() => {});
  const second = await progress.innerHTML();
  await picture("second");
  await ended(page, 1);
  const value = await cell(page, 1).locator(".jp-OutputArea-executeResult .jp-RenderedText").innerText();

  await run(page, 2);
  await cell(page, 2).locator(".jp-OutputArea-output").first().waitFor();
  await picture("running");
  await page.locator("jp-button[data-command='notebook:interrupt-kernel']").click();
  await ended(page, 2);
  const interrupted = await cell(page, 2).locator(".jp-OutputArea").innerText();
  await picture("interrupted");

  await run(page, 3);
  await ended(page, 3);
  const after = await cell(page, 3).locator(".jp-OutputArea-executeResult").innerText();
  return { first, second, value: value.trim(), interrupted, after: after.replace(/\[\d+\]:/, "").trim() };
});
