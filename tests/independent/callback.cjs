// Receives and sends callbacks with the official library.
//
// First argument `receive`: listens, prints its port, answers the echo, prints the first
// message it decrypts and ends. First argument `send`: posts an event to the address given.

const http = require('node:http');
const { decrypt, encrypt, getSignature } = require('@wecom/crypto');

const firm = JSON.parse(process.argv[3]);
const { token, encoding_aes_key: key, corpid } = firm;

function fail(why) {
  console.error(why);
  process.exit(1);
}

function opened(url, ciphered) {
  const q = url.searchParams;
  const signature = getSignature(token, q.get('timestamp'), q.get('nonce'), ciphered);
  if (signature !== q.get('msg_signature')) fail('the signature is wrong');
  const { message, id } = decrypt(key, ciphered);
  if (id !== corpid) fail(`meant for ${id}`);
  return message;
}

function receive() {
  const server = http.createServer((request, response) => {
    const url = new URL(request.url, 'http://localhost');
    if (request.method === 'GET') {
      response.end(opened(url, url.searchParams.get('echostr')));
      return;
    }
    let body = '';
    request.on('data', (piece) => { body += piece; });
    request.on('end', () => {
      const ciphered = /<Encrypt><!\[CDATA\[(.*?)\]\]><\/Encrypt>/.exec(body)[1];
      const message = opened(url, ciphered);
      response.end('');
      console.log(JSON.stringify(message));
      server.close();
      setImmediate(() => process.exit(0));
    });
  });
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
}

async function post(address, message, spoil) {
  const ciphered = encrypt(key, message, corpid);
  const timestamp = String(Math.floor(Date.now() / 1000));
  const nonce = '483920';
  const signature = getSignature(token, timestamp, nonce, ciphered);
  const query = new URLSearchParams({
    msg_signature: spoil ? signature.replace(/^./, (c) => (c === '0' ? '1' : '0')) : signature,
    timestamp,
    nonce,
  });
  const body = `<xml><ToUserName><![CDATA[${corpid}]]></ToUserName><AgentID></AgentID>`
    + `<Encrypt><![CDATA[${ciphered}]]></Encrypt></xml>`;
  const answer = await fetch(`${address}?${query}`, {
    method: 'POST', body, headers: { 'content-type': 'text/xml' },
  });
  return answer.status;
}

async function verify(address) {
  const echo = '1616140317555161061';
  const ciphered = encrypt(key, echo, corpid);
  const timestamp = String(Math.floor(Date.now() / 1000));
  const query = new URLSearchParams({
    msg_signature: getSignature(token, timestamp, '7', ciphered),
    timestamp,
    nonce: '7',
    echostr: ciphered,
  });
  const answer = await fetch(`${address}?${query}`);
  return (await answer.text()) === echo;
}

async function send() {
  const address = process.argv[4];
  const message = `<xml><ToUserName><![CDATA[${corpid}]]></ToUserName>`
    + '<FromUserName><![CDATA[sys]]></FromUserName>'
    + `<CreateTime>${Math.floor(Date.now() / 1000)}</CreateTime>`
    + '<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[change_contact]]></Event>'
    + '<ChangeType><![CDATA[update_user]]></ChangeType><UserID><![CDATA[zhoumin]]></UserID>'
    + '<Department><![CDATA[101]]></Department></xml>';
  if (!await verify(address)) fail('the echo does not come back');
  const good = await post(address, message, false);
  const bad = await post(address, message, true);
  if (good !== 200) fail(`a signed event is answered ${good}`);
  if (bad < 400 || bad > 499) fail(`a wrongly signed event is answered ${bad}`);
  console.log('done');
}

if (process.argv[2] === 'receive') receive(); else send();
