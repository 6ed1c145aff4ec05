const text =
  "the walrus and the carpenter were walking close at hand they wept like anything to see such quantities of sand";
const counts = new Map();
for (let round = 0; round < 20000; round++) {
  for (const word of text.split(" ")) {
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
}
let total = 0;
for (const [word, count] of counts) {
  total += count * word.length;
}
console.log(total);
