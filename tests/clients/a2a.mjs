// What a program with the official JavaScript client does with a published backend.
//
//     node a2a.mjs BINDING URL TOKEN
//
// BINDING is JSONRPC or HTTP+JSON. The backend is tests/agent/agent.sh: one command in each line of the message. The
// last line of output says what was seen. Packages come from $NODE_MODULES.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.NODE_MODULES, "here.js"));
const { ClientFactory, ClientFactoryOptions, createAuthenticatingFetchWithRetry, JsonRpcTransportFactory, RestTransportFactory, DefaultAgentCardResolver } = require("@a2a-js/sdk/client");
const { TaskState, Role } = require("@a2a-js/sdk");

const [binding, url, token] = process.argv.slice(2);

function withToken(value) {
  return (input, init = {}) => {
    const headers = new Headers(init.headers);
    headers.set("Authorization", `Bearer ${value}`);
    return fetch(input, { ...init, headers });
  };
}

async function connect(value) {
  const fetchImpl = withToken(value);
  const factory = new ClientFactory({
    transports: [new JsonRpcTransportFactory({ fetchImpl }), new RestTransportFactory({ fetchImpl })],
    preferredTransports: [binding],
    cardResolver: new DefaultAgentCardResolver({ fetchImpl }),
  });
  return factory.createFromUrl(`${url}/`);
}

function says(text, more = {}) {
  return {
    tenant: "",
    message: {
      messageId: randomUUID(),
      contextId: "",
      taskId: "",
      role: Role.ROLE_USER,
      parts: [{ content: { $case: "text", value: text }, metadata: undefined, filename: "", mediaType: "" }],
      metadata: undefined,
      extensions: [],
      referenceTaskIds: [],
      ...more,
    },
    configuration: undefined,
    metadata: undefined,
  };
}

const final = (task) => task.artifacts.find((it) => it.artifactId === "final-response").parts[0].content.value;

const client = await connect(token);
const done = await client.sendMessage(says("say hello"));
assert.equal(done.status.state, TaskState.TASK_STATE_COMPLETED);
assert.equal(final(done), "hello");

const kinds = [];
let first;
for await (const event of client.sendMessageStream(says("say one\nsay two"))) {
  kinds.push(event.payload.$case);
  first ??= event.payload.value;
}
assert.equal(kinds[0], "task");
assert.equal(kinds.at(-1), "statusUpdate");
assert.ok(kinds.includes("artifactUpdate"), String(kinds));
const streamed = await client.getTask({ tenant: "", id: first.id });
assert.equal(final(streamed), "one\ntwo");

const request = says("stay", { contextId: done.contextId });
request.configuration = { acceptedOutputModes: [], returnImmediately: true };
const begun = await client.sendMessage(request);
assert.equal(begun.contextId, done.contextId);
const seen = [];
for await (const event of client.resubscribeTask({ tenant: "", id: begun.id })) {
  seen.push(event.payload.$case);
  if (seen.length === 1) {
    const cancelled = await client.cancelTask({ tenant: "", id: begun.id, metadata: undefined });
    assert.equal(cancelled.status.state, TaskState.TASK_STATE_CANCELED);
  }
}
assert.equal(seen[0], "task");
assert.equal(seen.at(-1), "statusUpdate");

const page = await client.listTasks({ tenant: "", contextId: done.contextId, status: 0, pageSize: 10, pageToken: "", historyLength: undefined, statusTimestampAfter: undefined, includeArtifacts: false });
assert.equal(page.totalSize, 2);

let over;
try {
  await client.sendMessage(says("say more", { taskId: done.id, contextId: done.contextId }));
  assert.fail("an ended task took a message");
} catch (error) {
  over = `${error.name}: ${error.message}`;
}
let stranger;
try {
  await (await connect("wrong")).sendMessage(says("say hello"));
  assert.fail("a stranger was let in");
} catch (error) {
  stranger = `${error.name}: ${error.message}`;
}
console.log(JSON.stringify({ over, stranger }));
