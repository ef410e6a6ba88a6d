// Makes the container $(container). The request is signed as "Authorize with Shared Key" of Azure's REST documentation says.
const { createHmac } = require('node:crypto');
const { request } = require('node:https');
const date = new Date().toUTCString(), version = '2021-12-02';
const text = `PUT${'\n'.repeat(12)}x-ms-date:${date}\nx-ms-version:${version}\n/$(account)/$(container)\nrestype:container`;
const signature = createHmac('sha256', Buffer.from(process.env.ACCOUNT_KEY, 'base64')).update(text).digest('base64');
const headers = {
  Host: '$(account).$(namespace).svc:10000', 'Content-Length': 0, 'x-ms-date': date, 'x-ms-version': version,
  Authorization: `SharedKey $(account):${signature}`,
};
const address = { host: '127.0.0.1', port: 10000, path: '/$(container)?restype=container', method: 'PUT', headers, rejectUnauthorized: false };
request(address, answer => {
  answer.pipe(process.stderr);
  answer.on('end', () => process.exit(answer.statusCode === 201 ? 0 : 1));
}).end();
