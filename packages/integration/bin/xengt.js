#!/usr/bin/env node
// Says what to do on a Node that is too old, before anything newer is parsed.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 13)) {
  process.stderr.write(
    `xengt needs Node 22.13 or newer; this is ${process.versions.node} (${process.execPath}).\n` +
      'In a clone of the project, `npm start` brings its own Node.\n',
  );
  process.exit(2);
}
await import('../dist/cli/main.js');
