import { IMAGE_BYTES_MAX } from '@xengt/linux-vgt';
import { Hono } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import * as v from 'valibot';
import { type HostView, labState } from './host-view.ts';
import { addLifeRoutes } from './life-routes.ts';
import { pageFile } from './page-files.ts';
import { encodePng } from './png.ts';

/** Names a browser may use for the server; anything else is a page of another site. */
const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]']);
/** The largest control write taken, bytes: the image of a vGPU. */
const MAX_CTL_BYTES: number = IMAGE_BYTES_MAX;

/** HTTP status of a control tree error. */
const ERRNO_STATUS = {
  ENOENT: 404,
  EACCES: 403,
  EPERM: 403,
  EBUSY: 409,
  EAGAIN: 409,
  ENOMEM: 507,
  ENOSPC: 507,
} as const;
type ErrnoStatus = (typeof ERRNO_STATUS)[keyof typeof ERRNO_STATUS] | 400;

const foregroundBody: v.GenericSchema<{ domain: number }> = v.strictObject({
  domain: v.pipe(v.number(), v.integer(), v.minValue(0)),
});

/**
 * Whether a request comes from this machine's own use of the server: addressed to a loopback name,
 * and, from a browser, by a page of the server itself. Keeps other sites' pages and names that
 * resolve to 127.0.0.1 out.
 */
export function fromLoopback(host: string | undefined, origin: string | undefined): boolean {
  const name = (host ?? '').replace(/:\d+$/, '');
  if (!LOOPBACK_NAMES.has(name)) return false;
  return origin === undefined || origin === `http://${host}`;
}

/**
 * The lab server's HTTP routes over a host.
 *
 * @param own whether only the host's own user reaches them: through its socket, not by an address
 */
export function labApp(view: HostView, own = false): Hono {
  const app = new Hono();
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'", 'ws:'],
      },
    }),
  );
  app.use(async (c, next) => {
    if (!fromLoopback(c.req.header('host') ?? new URL(c.req.url).host, c.req.header('origin'))) {
      return fail('FORBIDDEN', 'only pages of this server may ask, by its loopback address', 403);
    }
    await next();
    c.res.headers.set('cache-control', 'no-store');
    return undefined;
  });

  app.get('/api/state', (c) => c.json(labState(view)));

  app.get('/api/info', (c) => c.json(view.info()));
  app.get('/api/messages', (c) => c.text(view.messages(false)));
  app.post('/api/messages/clear', (c) => c.text(view.messages(true)));

  app.get('/api/screens/:domain/:file{[A-E]\\.png}', (c) => {
    const domain = Number(c.req.param('domain'));
    const port = c.req.param('file').charAt(0);
    const frame = Number.isInteger(domain) ? view.frame(domain, port) : null;
    if (frame === null) {
      return fail(
        'NO_SCREEN',
        `domain ${c.req.param('domain')} shows nothing on port ${port}`,
        404,
      );
    }
    return new Response(encodePng(frame).slice(), { headers: { 'content-type': 'image/png' } });
  });

  app.post('/api/foreground', async (c) => {
    const body = v.safeParse(foregroundBody, await c.req.json().catch(() => null));
    if (!body.success) return fail('BAD_REQUEST', 'expected {"domain": a domain id}', 400);
    const refused = view.setForeground(body.output.domain);
    return refused === null
      ? c.json({ foreground: view.foreground() })
      : fail('REFUSED', refused, 409);
  });

  app.get('/api/ctl/:path{.*}', (c) => {
    const path = c.req.param('path');
    const node = view.ctlRead(path);
    if (node.kind === 'error') return failErrno(node.errno, path);
    if (node.kind === 'directory') return c.json({ path, kind: node.kind, entries: node.entries });
    const { data } = node;
    if (typeof data === 'string') return c.json({ path, kind: 'file', text: data });
    return c.json({ path, kind: 'file', base64: Buffer.from(data).toString('base64') });
  });

  app.put('/api/ctl/:path{.*}', async (c) => {
    const path = c.req.param('path');
    const body = new Uint8Array(await c.req.arrayBuffer());
    if (body.length > MAX_CTL_BYTES) {
      return fail(
        'TOO_LARGE',
        `${body.length} bytes; a control write has at most ${MAX_CTL_BYTES}`,
        413,
      );
    }
    const text = c.req.header('content-type')?.startsWith('text/') === true;
    const errno = view.ctlWrite(path, text ? new TextDecoder().decode(body) : body);
    return errno === null ? c.json({ path, written: body.length }) : failErrno(errno, path);
  });

  addLifeRoutes(app, () => view.life, fail, own);

  app.get('*', async (c) => {
    const file = await pageFile(c.req.path);
    if (file === null) return fail('NOT_FOUND', `there is no ${c.req.path}`, 404);
    return new Response(file.body, { headers: { 'content-type': file.type } });
  });
  return app;
}

function fail(code: string, message: string, status: 400 | 403 | 404 | 409 | 413 | 507): Response {
  return Response.json({ error: { code, message } }, { status });
}

function failErrno(errno: string, path: string): Response {
  const status: ErrnoStatus = ERRNO_STATUS[errno as keyof typeof ERRNO_STATUS] ?? 400;
  return fail(errno, `${path === '' ? 'the control tree' : path}: ${errnoText(errno)}`, status);
}

/** What an error name of the control tree means, in words. */
export function errnoText(errno: string): string {
  switch (errno) {
    case 'ENOENT':
      return 'there is no such node (ENOENT)';
    case 'EACCES':
    case 'EPERM':
      return `not allowed (${errno})`;
    case 'EINVAL':
      return 'the value does not fit the node (EINVAL)';
    case 'EBUSY':
    case 'EAGAIN':
      return `busy, try again (${errno})`;
    case 'ENOMEM':
    case 'ENOSPC':
      return `not enough of the GPU is free (${errno})`;
    case 'ENODEV':
      return 'there is no such domain or port (ENODEV)';
    default:
      return errno;
  }
}
