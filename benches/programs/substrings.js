function letters(n) {
  const out = [];
  let seed = 11;
  for (let i = 0; i < n; i++) {
    seed = (seed * 1309 + 13849) % 65536;
    out.push("acgt"[Math.floor(seed / 64) % 4]);
  }
  return out.join("");
}

function count(text, k) {
  const counts = new Map();
  for (let i = 0; i < text.length - k + 1; i++) {
    const part = text.slice(i, i + k);
    counts.set(part, (counts.get(part) ?? 0) + 1);
  }
  return counts;
}

const text = letters(800000);
for (let k = 1; k < 9; k++) {
  let most = 0;
  let sum = 0;
  const counts = count(text, k);
  for (const times of counts.values()) {
    if (times > most) most = times;
    sum += times;
  }
  console.log(`${k}: ${counts.size} ${most} ${sum}`);
}
