let lines = ctx.text_file(path("weblog"));
// %%
let before = cpu();
// %%
let began = Instant::now();
let count = lines.count()?;
let wall = began.elapsed();
// %%
finish(wall, before, count.to_string());
