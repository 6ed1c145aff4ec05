// A channel with a bound, made of promises.
class Channel {
    constructor(size) { this.size = size; this.values = []; this.head = 0; this.receivers = []; this.senders = []; this.open = true; }
    async send(value) {
        if (this.receivers.length) { this.receivers.shift()(value); return; }
        if (this.values.length - this.head >= this.size) await new Promise(done => this.senders.push(done));
        this.values.push(value);
    }
    async recv() {
        if (this.head < this.values.length) {
            const value = this.values[this.head++];
            if (this.head > 1024) { this.values = this.values.slice(this.head); this.head = 0; }
            if (this.senders.length) this.senders.shift()();
            return value;
        }
        if (!this.open) return undefined;
        return new Promise(done => this.receivers.push(done));
    }
    close() { this.open = false; for (const done of this.receivers) done(undefined); }
}
const channel = new Channel(64);
async function produce(n) { for (let i = 0; i < n; i++) await channel.send(i); channel.close(); }
produce(500000);
let sum = 0;
for (let value = await channel.recv(); value !== undefined; value = await channel.recv()) sum += value;
console.log(sum);
