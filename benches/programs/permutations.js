function permutations(xs) {
  if (xs.length === 0) return [[]];
  const all = [];
  for (let i = 0; i < xs.length; i++) {
    for (const rest of permutations([...xs.slice(0, i), ...xs.slice(i + 1)])) {
      all.push([xs[i], ...rest]);
    }
  }
  return all;
}

let sum = 0;
const orders = permutations([1, 2, 3, 4, 5, 6, 7, 8, 9]);
for (const order of orders) {
  for (let i = 0; i < order.length; i++) {
    sum = (sum * 3 + order[i] * i) % 1000003;
  }
}
console.log(`${orders.length} ${sum}`);
