// Loaded into Azurite before it starts: copies template blobs by the hundred thousand, and counts every request that arrives.
//
// On the port of the blob service, besides what Azurite answers itself:
//   POST /-/copies    a JSON line for each copy of a blob: {template: "container/name", container, name, etag, modified,
//                     metadata, replace: [[old, new], ...] in the text of its body}; all but the first three are optional
//   POST /-/times     a JSON line for each blob whose time is to be another: {container, name, modified}
//   GET /-/requests   those since ?since=N: {next, requests: [[method, path and query, user agent], ...]}
//
// Azurite filters and sorts the whole account for each page of a listing, and looks through it for each blob. The service
// does neither, and with a long history it would take hours: so both go by an index here. Nor is what no blob refers to any
// more looked for: with so many blobs Azurite answers nobody for minutes meanwhile.
const crypto = require("crypto"), http = require("http"), path = require("path");

const src = path.dirname(process.argv[1]);
const azurite = (name) => require(path.join(src, name)).default;
const MetadataStore = azurite("blob/persistence/LokiBlobMetadataStore.js");
const ExtentStore = azurite("common/persistence/MemoryExtentStore.js");
const LeaseFactory = azurite("blob/lease/LeaseFactory.js");
const LeaseAdapter = azurite("blob/lease/BlobLeaseAdapter.js");
const LeaseSyncer = azurite("blob/lease/BlobLeaseSyncer.js");
const Collector = azurite("blob/gc/BlobGCManager.js");
const ACCOUNT = "devstoreaccount1";

let blobs = null; // Loki's collection
let extents = null;
const requests = [];

// --- blobs by name, and the names of each container in order

const byKey = new Map();
const containers = new Map();
const key = (doc) => `${doc.containerName}\0${doc.name}`;
const compare = (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

function listed(container) {
  if (!containers.has(container)) containers.set(container, { sorted: [], added: [], gone: new Set() });
  return containers.get(container);
}

function add(doc) {
  byKey.set(key(doc), doc);
  listed(doc.containerName).added.push(doc);
}

function remove(doc) {
  if (byKey.get(key(doc)) === doc) byKey.delete(key(doc));
  listed(doc.containerName).gone.add(doc);
}

function inOrder(container) {
  const found = listed(container);
  if (found.gone.size) {
    const stays = (doc) => !found.gone.has(doc);
    [found.sorted, found.added] = [found.sorted.filter(stays), found.added.filter(stays)];
    found.gone.clear();
  }
  if (found.added.length) {
    // Node's sort merges runs that are in order already.
    found.sorted = found.sorted.concat(found.added.sort(compare)).sort(compare);
    found.added = [];
  }
  return found.sorted;
}

function firstFrom(docs, isBefore) {
  let low = 0, high = docs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(docs[middle].name)) low = middle + 1;
    else high = middle;
  }
  return low;
}

const init = MetadataStore.prototype.init;
MetadataStore.prototype.init = async function () {
  await init.call(this);
  blobs = this.db.getCollection(this.BLOBS_COLLECTION);
  blobs.binaryIndices = {};
  const each = (f) => (docs) => (Array.isArray(docs) ? docs.forEach(f) : f(docs));
  blobs.on("insert", each(add));
  blobs.on("delete", each(remove));
  // Nobody makes snapshots here: a name is one blob.
  const isOfOne = (query) => typeof query?.name === "string" && typeof query.containerName === "string";
  const [findOne, count, findAndRemove] = ["findOne", "count", "findAndRemove"].map((name) => blobs[name].bind(blobs));
  blobs.findOne = (query) => (isOfOne(query) ? byKey.get(key(query)) || null : findOne(query));
  blobs.count = (query) => (isOfOne(query) ? Number(byKey.has(key(query))) : count(query));
  blobs.findAndRemove = (query) => {
    if (!isOfOne(query)) return findAndRemove(query);
    if (byKey.has(key(query))) blobs.remove(byKey.get(key(query)));
  };
};

const listBlobs = MetadataStore.prototype.listBlobs;
MetadataStore.prototype.listBlobs = async function (
  context, account, container, delimiter, blob, prefix = "", most = 5000, marker = "", snapshots, uncommitted, startFrom = ""
) {
  if (delimiter !== undefined || blob !== undefined || container === undefined || snapshots) {
    return listBlobs.apply(this, arguments);
  }
  const docs = inOrder(container);
  const from = prefix > startFrom ? prefix : startFrom;
  const page = [];
  let next = "";
  for (let at = firstFrom(docs, (name) => name < from || (marker !== "" && name <= marker)); at < docs.length; at++) {
    const doc = docs[at];
    if (!doc.name.startsWith(prefix)) break;
    if (!uncommitted && !doc.isCommitted) continue;
    if (page.length === most) {
      next = page[page.length - 1].name;
      break;
    }
    page.push(doc);
  }
  const items = page.map((doc) => {
    doc.properties.contentMD5 = this.restoreUint8Array(doc.properties.contentMD5);
    return LeaseFactory.createLeaseState(new LeaseAdapter(doc), context).sync(new LeaseSyncer(doc));
  });
  return [items, [], next];
};

Collector.prototype.start = async () => {};
Collector.prototype.close = async () => {};

// --- copies

const initExtents = ExtentStore.prototype.init;
ExtentStore.prototype.init = async function () {
  await initExtents.call(this);
  if (this.categoryName === "blob") extents = this;
};

function existing(container, name) {
  const doc = byKey.get(key({ containerName: container, name }));
  if (!doc) throw new Error(`there is no ${container}/${name}`);
  return doc;
}

async function bodyOf(doc) {
  const chunks = [];
  const parts = doc.committedBlocksInOrder?.length ? doc.committedBlocksInOrder.map((each) => each.persistency) : [doc.persistency];
  for (const part of parts) for await (const chunk of await extents.readExtent(part)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function rewritten(doc, pairs) {
  let text = (await bodyOf(doc)).toString("utf8");
  for (const [old, now] of pairs) text = text.replaceAll(old, now);
  const body = Buffer.from(text, "utf8");
  return {
    persistency: await extents.appendExtent(body),
    committedBlocksInOrder: undefined,
    properties: { contentLength: body.length, contentMD5: crypto.createHash("md5").update(body).digest() },
  };
}

async function copy({ template, container, name, etag, modified, metadata, replace }) {
  const cut = template.indexOf("/");
  const doc = existing(template.slice(0, cut), template.slice(cut + 1));
  const { properties, ...body } = replace ? await rewritten(doc, replace) : {};
  const at = modified ? new Date(modified) : new Date();
  const own = { etag: `"${etag || "0x8" + crypto.randomBytes(7).toString("hex").toUpperCase()}"`, lastModified: at, creationTime: at };
  const made = { ...doc, ...body, containerName: container, name, metadata: metadata || doc.metadata };
  made.properties = { ...doc.properties, ...properties, ...own };
  delete made.$loki;
  delete made.meta;
  const before = byKey.get(key(made));
  if (before) blobs.remove(before);
  blobs.insert(made);
}

function setTime({ container, name, modified }) {
  const doc = existing(container, name);
  doc.properties = { ...doc.properties, lastModified: new Date(modified) };
  blobs.update(doc);
}

// --- what is asked of the services, and of this file

async function answer(request) {
  const url = new URL(request.url, "http://localhost");
  if (url.pathname === "/-/requests") {
    return { next: requests.length, requests: requests.slice(Number(url.searchParams.get("since") || 0)) };
  }
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const lines = Buffer.concat(chunks).toString("utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
  for (const line of lines) await { "/-/copies": copy, "/-/times": setTime }[url.pathname](line);
  return { done: lines.length };
}

const emit = http.Server.prototype.emit;
http.Server.prototype.emit = function (event, request, response) {
  if (event !== "request") return emit.apply(this, arguments);
  if (!request.url.startsWith("/-/")) {
    requests.push([request.method, request.url.replace(`/${ACCOUNT}`, ""), request.headers["user-agent"] || ""]);
    return emit.apply(this, arguments);
  }
  answer(request).then(
    (found) => response.end(JSON.stringify(found)),
    (error) => response.writeHead(500).end(String(error.stack)),
  );
  return true;
};
