// Answers whoever asks by UDP, and asks whom its standard input names; prints what it hears.
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';

const port = 4_000;
const socket = createSocket('udp4');
socket.on('message', (message, { address }) => {
  const word = message.toString();
  process.stdout.write(`${word} ${address}\n`);
  if (word === 'ask') socket.send('answer', port, address);
});
socket.on('error', () => undefined);
socket.bind(port, () => process.stdout.write('ready\n'));
createInterface({ input: process.stdin }).on('line', (address) => {
  socket.send('ask', port, address);
});
