function build(depth) {
  if (depth === 0) return [];
  return [build(depth - 1), build(depth - 1)];
}

function check(tree) {
  if (tree.length === 0) return 1;
  return 1 + check(tree[0]) + check(tree[1]);
}

const lasting = build(15);
for (const depth of [4, 6, 8, 10, 12, 14]) {
  const rounds = 1 << (19 - depth);
  let sum = 0;
  for (let i = 0; i < rounds; i++) sum += check(build(depth));
  console.log(`${rounds} trees of depth ${depth}: ${sum}`);
}
console.log(check(lasting));
