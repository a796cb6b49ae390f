// An S3 server for tests: s3rver, with what it lacks added in front of it. A second implementation
// of signature version 4 (so that ours is not tested with itself), digests of bodies, conditional
// writes and reads, ranges behind the end, listing and aborting of unfinished uploads; an answer
// comes when the bytes are in their file, and a request that ends early changes nothing.
// Usage: node --openssl-legacy-provider s3_server.js S3RVER_DIR DATA_DIR PORT BUCKET
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const {Readable} = require('stream');

const [s3rverDir, dataDir, port, bucketName] = process.argv.slice(2);
const S3rver = require(path.join(s3rverDir, 'node_modules', 's3rver'));

const kAccessKey = 'S3RVER';
const kSecretKey = 'S3RVER';

class Refusal extends Error {
  constructor(status, code) {
    super(code);
    Object.assign(this, {status, code});
  }
}

const sha256 = bytes => crypto.createHash('sha256').update(bytes).digest('hex');
const hmac = (key, text) => crypto.createHmac('sha256', key).update(text).digest();

function readBody(req) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    req.on('data', chunk => chunks.push(chunk));
    req.on('end', () => resolve(Buffer.concat(chunks)));
    req.on('aborted', () => reject(new Refusal(400, 'IncompleteBody')));
    req.on('error', reject);
  });
}

function expectedSignature(req, signedHeaders, scope) {
  const [rawPath, rawQuery = ''] = req.url.split('?');
  const query =
      rawQuery.split('&')
          .filter(Boolean)
          .map(part => {
            const [name, ...value] = part.split('=');
            return [name, value.join('=')]
                .map(decodeURIComponent)
                .map(
                    text => encodeURIComponent(text).replace(
                        /[!'()*]/g, c => '%' + c.charCodeAt(0).toString(16).toUpperCase()));
          })
          .sort((a, b) => (a.join('=') < b.join('=') ? -1 : 1))
          .map(pair => pair.join('='))
          .join('&');
  const headers =
      signedHeaders.map(name => `${name}:${(req.headers[name] || '').trim()}\n`).join('');
  const canonical = [
    req.method, rawPath, query, headers, signedHeaders.join(';'),
    req.headers['x-amz-content-sha256']
  ].join('\n');
  const toSign = [
    'AWS4-HMAC-SHA256', req.headers['x-amz-date'], scope.join('/'), sha256(canonical)
  ].join('\n');
  const key = scope.reduce((secret, part) => hmac(secret, part), 'AWS4' + kSecretKey);
  return hmac(key, toSign).toString('hex');
}

function checkSignature(req) {
  const match =
      /^AWS4-HMAC-SHA256 Credential=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
          req.headers.authorization || '');
  if (!match) throw new Refusal(403, 'AccessDenied');
  const [access, ...scope] = match[1].split('/');
  const signedHeaders = match[2].split(';');
  if (access !== kAccessKey) throw new Refusal(403, 'InvalidAccessKeyId');
  const required =
      Object.keys(req.headers).filter(name => name === 'host' || name.startsWith('x-amz-'));
  if (required.some(name => !signedHeaders.includes(name))) throw new Refusal(403, 'AccessDenied');
  if (expectedSignature(req, signedHeaders, scope) !== match[3])
    throw new Refusal(403, 'SignatureDoesNotMatch');
}

function checkBody(req, body) {
  if (req.headers['x-amz-content-sha256'] !== sha256(body))
    throw new Refusal(400, 'XAmzContentSHA256Mismatch');
  const md5 = req.headers['content-md5'];
  if (md5 && md5 !== crypto.createHash('md5').update(body).digest('base64'))
    throw new Refusal(400, 'BadDigest');
}

// The bucket is the path's first part or, as in bucket.s3.localhost, the host's.
function splitPath(req) {
  const url = new URL(req.url, 'http://x');
  const virtual = /^(.+)\.s3\.localhost(:\d+)?$/.exec(req.headers.host || '');
  const parts = url.pathname.split('/').slice(1).map(decodeURIComponent);
  const bucket = virtual ? virtual[1] : parts.shift();
  return {bucket, key: parts.join('/'), query: url.searchParams};
}

const uploadsDir = bucket => path.join(dataDir, bucket, '._S3rver_uploads');

function listUploads(bucket, prefix) {
  const dir = uploadsDir(bucket);
  const uploads = (fs.existsSync(dir) ? fs.readdirSync(dir) : [])
                      .map(id => ({
                             Key: fs.readFileSync(path.join(dir, id, 'key'), 'utf8'),
                             UploadId: id,
                             Initiated: fs.statSync(path.join(dir, id, 'key')).mtime.toISOString(),
                           }))
                      .filter(upload => upload.Key.startsWith(prefix));
  return {ListMultipartUploadsResult: {Bucket: bucket, IsTruncated: false, Upload: uploads}};
}

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

// s3rver answers before what it was sent is in the file; a real store does not.
async function untilWritten(file, size) {
  while (!fs.existsSync(file) || fs.statSync(file).size !== size) await sleep(1);
}

// Where the request's bytes end up and how many they are; nothing when it brings none.
function written(method, { bucket, key, query }, body) {
  if (method === 'PUT' && query.has('partNumber'))
    return [path.join(uploadsDir(bucket), query.get('uploadId'), query.get('partNumber')), body.length];
  const file = app.store.getResourcePath(bucket, key, 'object');
  if (method === 'PUT') return [file, body.length];
  if (method !== 'POST' || !query.has('uploadId')) return undefined;
  const dir = path.join(uploadsDir(bucket), query.get('uploadId'));
  const parts = fs.readdirSync(dir).filter(name => /^\d+$/.test(name));
  return [file, parts.reduce((sum, name) => sum + fs.statSync(path.join(dir, name)).size, 0)];
}

async function checkRange(ctx, bucket, key) {
  const first = /^bytes=(\d+)-/.exec(ctx.headers.range || '');
  if (ctx.method !== 'GET' || !first || !(await app.store.existsObject(bucket, key))) return;
  const size = (await app.store.getMetadata(bucket, key))['content-length'];
  if (Number(first[1]) < size) return;
  ctx.set('Content-Range', `bytes */${size}`);
  throw new Refusal(416, 'InvalidRange');
}

async function checkConditions(req, bucket, key) {
  const exists = await app.store.existsObject(bucket, key);
  if (req.headers['if-none-match'] === '*' && req.method !== 'GET' && exists)
    throw new Refusal(412, 'PreconditionFailed');
  if (req.headers['if-match'] && exists) {
    const {etag} = await app.store.getMetadata(bucket, key);
    if (etag !== req.headers['if-match']) throw new Refusal(412, 'PreconditionFailed');
  }
}

// True when the request has been answered here.
async function answered(ctx, {bucket, key, query}) {
  if (ctx.method === 'GET' && !key && query.has('uploads')) {
    ctx.body = listUploads(bucket, query.get('prefix') || '');
    return true;
  }
  if (!query.has('uploadId')) return false;
  const dir = path.join(uploadsDir(bucket), path.basename(query.get('uploadId')));
  if (!fs.existsSync(dir)) throw new Refusal(404, 'NoSuchUpload');
  if (ctx.method !== 'DELETE') return false;
  fs.rmSync(dir, {recursive: true});
  ctx.status = 204;
  return true;
}

let last =
    Promise.resolve();  // one request after another: what is checked still holds when it acts

const app = new S3rver({
  directory: dataDir,
  address: '127.0.0.1',
  port: Number(port),
  serviceEndpoint: 'localhost',
  silent: true,
  configureBuckets: [{name: bucketName}],
});
app.middleware.splice(2, 0, async (ctx, next) => {
  const {req} = ctx;
  try {
    const body = await readBody(req);
    checkSignature(req);
    checkBody(req, body);
    ctx.req = Object.assign(Readable.from(body.length ? [body] : [], {objectMode: false}), {
      headers: req.headers,
      method: req.method,
      url: req.url,
      socket: req.socket,
    });
    const place = splitPath(req);
    const before = last;
    let done;
    last = new Promise(resolve => {
      done = resolve;
    });
    await before;
    try {
      if (await answered(ctx, place)) return;
      await checkConditions(req, place.bucket, place.key);
      await checkRange(ctx, place.bucket, place.key);
      const awaited = place.key && written(req.method, place, body);
      await next();
      if (awaited && ctx.status === 200) await untilWritten(...awaited);
    } finally {
      done();
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    ctx.status = error.status;
    ctx.body = {Error: {Code: error.code, Message: `refused: ${error.code}`}};
  }
});
app.run().then(() => console.log('ready'));
