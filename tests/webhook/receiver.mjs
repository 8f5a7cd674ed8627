// A receiver of webhooks that holds every message against its signature with the official library:
//   SECRET=whsec_… node receiver.mjs PORT STATUS[:RETRY_AFTER],…
// Modules are taken from $NODE_MODULES. It answers with one status after the other, the last one for ever. The first line
// of output is the port; each further one is a message. It ends when its input closes.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.NODE_MODULES}/`);
const { Webhook } = require('standardwebhooks');

const webhook = new Webhook(process.env.SECRET);
const [port, statuses] = process.argv.slice(2);
const answers = statuses.split(',');

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  const answer = answers.length > 1 ? answers.shift() : answers[0];
  const [status, after] = answer.split(':');
  let message = null;
  try {
    message = webhook.verify(body, request.headers);
    // What was changed on the way is not taken for ours.
    assert.throws(() => webhook.verify(`${body} `, request.headers));
    assert.throws(() => webhook.verify(body, { ...request.headers, 'webhook-id': 'msg_other' }));
  } catch (error) {
    console.error(error);
  }
  response.writeHead(Number(status), after ? { 'retry-after': after } : {}).end();
  const id = request.headers['webhook-id'];
  console.log(JSON.stringify({ id, status: Number(status), method: request.method, path: request.url, message }));
});
server.listen(Number(port), '127.0.0.1', () => console.log(server.address().port));
process.stdin.resume().on('end', () => process.exit(0));
