function ack(m, n) {
  if (m === 0) return n + 1;
  if (n === 0) return ack(m - 1, 1);
  return ack(m - 1, ack(m, n - 1));
}

function hyper(level, a, b) {
  if (level === 0) return b + 1;
  if (b === 0) {
    if (level === 1) return a;
    return level === 2 ? 0 : 1;
  }
  return hyper(level - 1, a, hyper(level, a, b - 1));
}

for (let n = 6; n < 10; n++) {
  console.log(`${n}: ${ack(3, n)} ${hyper(3, 2, n)}`);
}
