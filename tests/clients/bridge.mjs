// Stands between a client that speaks HTTP alone and the host, which speaks over standard input and output:
//   node bridge.mjs HOST CONFIG
// The first line of output is the port, on 127.0.0.1. It ends when its standard input closes.
//
// Messages pass as they are, except for their ids, which are numbered anew as several connections may share a host. A
// handshake opens a session with a host of its own; requests of the modern era, which are complete in themselves,
// share one. What belongs to HTTP alone is this bridge's: status codes, sessions, the kinds of content.

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const [program, config] = process.argv.slice(2);

/** One host, and who waits for it. */
class Line {
  #waiting = new Map();
  #last = 0;

  constructor() {
    this.child = spawn(program, ['--config', config, 'serve'], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      const message = JSON.parse(line);
      const answer = message.method === undefined && this.#waiting.get(message.id);
      if (!answer) return;
      this.#waiting.delete(message.id);
      answer(message);
    });
  }

  tell(message) {
    this.child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  ask(message) {
    const id = ++this.#last;
    this.tell({ ...message, id });
    return new Promise((resolve) => this.#waiting.set(id, (answer) => resolve({ ...answer, id: message.id })));
  }

  close() {
    this.child.stdin.end();
  }
}

const sessions = new Map();
let modern;

/** The status codes that the modern revision gives to errors of the protocol. */
const status = (answer) => ({ '-32601': 404, '-32020': 400, '-32021': 400, '-32022': 400 })[answer.error?.code] ?? 200;

async function post(request, body, reply) {
  const message = JSON.parse(body);
  const handshake = message.method === 'initialize';
  const opened = request.headers['mcp-session-id'];
  const headers = { 'content-type': 'application/json' };
  let line;
  if (handshake) {
    line = new Line();
    headers['mcp-session-id'] = randomUUID();
    sessions.set(headers['mcp-session-id'], line);
  } else if (opened) {
    line = sessions.get(opened);
    if (!line) return reply(404);
  } else {
    line = modern ??= new Line();
  }
  if (message.id === undefined) {
    line.tell(message);
    return reply(202);
  }
  const answer = await line.ask(message);
  reply(handshake || opened ? 200 : status(answer), headers, JSON.stringify(answer));
}

const server = createServer((request, response) => {
  const reply = (code, headers = {}, body = '') => response.writeHead(code, headers).end(body);
  // Pages of other origins are none of this server's clients.
  const local = (name) => ['127.0.0.1', 'localhost', '[::1]'].includes(name);
  const { host, origin } = request.headers;
  if (!local(host?.replace(/:\d+$/, '')) || (origin && !local(new URL(origin).hostname))) return reply(403);
  if (request.method === 'DELETE') {
    sessions.get(request.headers['mcp-session-id'])?.close();
    sessions.delete(request.headers['mcp-session-id']);
    return reply(204);
  }
  if (request.method !== 'POST') return reply(405, { allow: 'POST, DELETE' });
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => post(request, Buffer.concat(parts).toString(), reply).catch(() => reply(400)));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));

process.stdin.resume().on('end', () => {
  for (const line of [...sessions.values(), modern]) line?.close();
  server.close();
  server.closeAllConnections();
});
