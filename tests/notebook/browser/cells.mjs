// Runs all cells of a notebook and looks at what is shown.

import { browse, cell, ended, kernelIsReady, pictures, rows, run, unfold } from "./lab.mjs";

await browse("cells", async (page, picture) => {
  await kernelIsReady(page);
  const count = await page.locator(".jp-Notebook .jp-CodeCell").count();
  for (let index = 0; index < count; index++) {
    await run(page, index);
    await ended(page, index);
  }
  await unfold(page);
  await cell(page, 0).scrollIntoViewIfNeeded();
  await picture("light");
  const facts = {
    rows: await rows(page),
    pictures: await pictures(page),
    errors: await page.locator(".jp-OutputArea-output[data-mime-type*='stderr'], .jp-RenderedText[data-mime-type*='error']").allTextContents(),
  };
  await page.keyboard.press("Control+s");
  await page.locator(".jp-mod-dirty").waitFor({ state: "detached" });
  return facts;
});
