function compress(data, window) {
  const out = [];
  let i = 0;
  while (i < data.length) {
    let best = 0;
    let from = 0;
    for (let j = Math.max(i - window, 0); j < i; j++) {
      let k = 0;
      while (i + k < data.length && k < 255 && data[j + k] === data[i + k]) k++;
      if (k > best) {
        best = k;
        from = i - j;
      }
    }
    if (best > 3) {
      out.push(256 + best, from);
      i += best;
    } else {
      out.push(data[i]);
      i++;
    }
  }
  return out;
}

function expand(packed) {
  const out = [];
  let i = 0;
  while (i < packed.length) {
    if (packed[i] >= 256) {
      const len = packed[i] - 256;
      const from = out.length - packed[i + 1];
      for (let k = 0; k < len; k++) out.push(out[from + k]);
      i += 2;
    } else {
      out.push(packed[i]);
      i++;
    }
  }
  return out;
}

const data = [];
let seed = 42;
for (let i = 0; i < 10000; i++) {
  seed = (seed * 1309 + 13849) % 65536;
  if (i > 3000 && seed % 7 === 0) {
    const from = (seed % 2000) + 100;
    for (let k = 0; k < 12; k++) data.push(data[data.length - from]);
  } else {
    data.push(Math.floor(seed / 512) % 16);
  }
}
const packed = compress(data, 400);
const again = expand(packed);
const same = again.length === data.length && again.every((x, i) => x === data[i]);
console.log(`${data.length} ${packed.length} ${same}`);
