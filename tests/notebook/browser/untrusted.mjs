// Looks at a notebook that nobody has trusted, without running anything.

import { browse, pictures, rows, unfold } from "./lab.mjs";

await browse("untrusted", async (page, picture) => {
  await unfold(page);
  await picture("light");
  const facts = {
    trust: await page.locator(".jp-StatusItem-trust").getAttribute("title"),
    rows: await rows(page),
    pictures: await pictures(page),
  };
  await page.evaluate(() => window.jupyterapp.commands.execute("apputils:change-theme", { theme: "JupyterLab Dark" }));
  await page.locator("body[data-jp-theme-light='false']").waitFor({ state: "attached" });
  await picture("dark");
  return facts;
});
