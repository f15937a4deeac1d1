fn parse_number(text: &[u8]) -> (u64, usize) {
    let mut value = 0;
    for (at, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return (value, at);
        }
        value = value * 10 + u64::from(digit);
    }
    (value, text.len())
}
fn parse_edge(text: &[u8]) -> ((u32, u32), usize) {
    let (from, length) = parse_number(text);
    let start = length + 1;
    let (to, length) = parse_number(&text[start..]);
    ((from as u32, to as u32), start + length)
}
let edges = ctx.text_file_with(path("graph"), TextOptions::new().num_splits(4)).map_str(|line| parse_edge(line.as_bytes()).0);
// %%
let links = edges.group_by_key().cache();
// %%
let mut ranks = links.map_values(|_| 1.0);
for _ in 0..5 {
    let shares = links.join_with(&ranks, |(_, (targets, rank)), out| {
        let share = rank / targets.len() as f64;
        targets.iter().for_each(|target| out.emit((*target, share)))
    });
    ranks = shares.reduce_by_key(|a, b| a + b).map_values(|sum| 0.15 + 0.85 * sum);
}
// %%
let checked = ranks.map(|(node, rank)| (1u64, rank, f64::from(node) * rank));
// %%
let before = cpu();
// %%
let began = Instant::now();
let (count, sum, weighted) = checked.reduce(|a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2))?;
let wall = began.elapsed();
// %%
finish(wall, before, format!("{count} {sum:e} {weighted:e}"));
