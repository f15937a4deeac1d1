let lines = ctx.text_file(path("weblog"));
// %%
let failures = lines.filter_containing("\" 500 ");
// %%
let before = cpu();
// %%
let began = Instant::now();
let count = failures.count()?;
let wall = began.elapsed();
// %%
finish(wall, before, count.to_string());
