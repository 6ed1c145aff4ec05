class Body {
  constructor(x, y, z, vx, vy, vz, mass) {
    this.x = x;
    this.y = y;
    this.z = z;
    this.vx = vx;
    this.vy = vy;
    this.vz = vz;
    this.mass = mass;
  }
}

function advance(bodies, dt) {
  const n = bodies.length;
  for (let i = 0; i < n; i++) {
    const a = bodies[i];
    for (let j = i + 1; j < n; j++) {
      const b = bodies[j];
      const dx = a.x - b.x;
      const dy = a.y - b.y;
      const dz = a.z - b.z;
      const d2 = dx * dx + dy * dy + dz * dz;
      const mag = dt / (d2 * Math.sqrt(d2));
      a.vx -= dx * b.mass * mag;
      a.vy -= dy * b.mass * mag;
      a.vz -= dz * b.mass * mag;
      b.vx += dx * a.mass * mag;
      b.vy += dy * a.mass * mag;
      b.vz += dz * a.mass * mag;
    }
  }
  for (const b of bodies) {
    b.x += dt * b.vx;
    b.y += dt * b.vy;
    b.z += dt * b.vz;
  }
}

const bodies = [
  new Body(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 39.5),
  new Body(4.8, -1.2, -0.1, 0.6, 2.8, -0.02, 0.037),
  new Body(8.3, 4.1, -0.4, -1.0, 1.8, 0.008, 0.011),
  new Body(12.9, -15.1, -0.2, 1.1, 0.9, -0.01, 0.0017),
  new Body(15.4, -25.9, 0.2, 0.98, 0.6, -0.03, 0.002),
];
for (let step = 0; step < 1000000; step++) advance(bodies, 0.01);
console.log(Math.floor(bodies[0].x * 1000000));
