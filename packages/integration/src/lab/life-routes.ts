import type { Hono } from 'hono';
import * as v from 'valibot';
import { requestSchema } from '../config/request.ts';
import type { DomainLife } from './domain-life.ts';

const path: v.GenericSchema<string> = v.pipe(v.string(), v.startsWith('/'), v.maxLength(4096));
const flag: v.GenericSchema<boolean | undefined, boolean> = v.optional(v.boolean(), false);
const saveBody = v.strictObject({
  path,
  after: v.optional(v.picklist(['destroy', 'pause', 'continue']), 'destroy'),
  force: flag,
});
const restoreBody = v.strictObject({ path, paused: flag });
const moveBody = v.strictObject({
  to: v.pipe(v.string(), v.regex(/^http:\/\/127\.0\.0\.1:\d+$/)),
  force: flag,
});
const createBody = v.strictObject({ request: requestSchema, paused: flag });
const deviceBody = v.strictObject({
  device: v.pipe(v.string(), v.regex(/^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/)),
});
const takeBackBody = v.strictObject({ ...deviceBody.entries, rebind: flag });
const rebootBody = v.strictObject({ force: flag });
const nothing = v.strictObject({});

/** One thing that may be done with a domain. */
interface Verb {
  readonly body: v.GenericSchema;
  /** It names files: only who reaches the socket, which is its user's, may ask. */
  readonly files?: true;
  readonly run: (life: DomainLife, domain: number, body: never) => unknown;
}

const VERBS: Readonly<Record<string, Verb>> = {
  pause: { body: nothing, run: (life, domain) => life.pause(domain) },
  destroy: { body: nothing, run: (life, domain) => life.destroy(domain) },
  shutdown: { body: nothing, run: (life, domain) => life.shutdown(domain) },
  reboot: {
    body: rebootBody,
    run: (life, domain, o: v.InferOutput<typeof rebootBody>) => life.reboot(domain, o),
  },
  unpause: { body: nothing, run: (life, domain) => life.unpause(domain) },
  save: {
    body: saveBody,
    files: true,
    run: (life, domain, { path: to, ...o }: v.InferOutput<typeof saveBody>) =>
      life.save(domain, to, o),
  },
  migrate: {
    body: moveBody,
    run: (life, domain, { to, force }: v.InferOutput<typeof moveBody>) =>
      life.migrate(domain, to, { force }),
  },
};

/**
 * Routes of a host's domains: `POST /api/domains`, `POST /api/domains/1/save`, `POST /api/restore`; and
 * of its devices: `GET /api/assignable`, `POST /api/assignable/add`.
 *
 * @param own whether only the host's own user reaches these routes
 */
export function addLifeRoutes(
  app: Hono,
  life: () => DomainLife | null,
  fail: (code: string, message: string, status: 400 | 403 | 404 | 409) => Response,
  own: boolean,
): void {
  const foreign = (): Response =>
    fail('FORBIDDEN', "what names files is asked for through the host's socket", 403);
  const act = async (
    body: unknown,
    schema: v.GenericSchema,
    run: (on: DomainLife, body: never) => unknown,
  ): Promise<Response> => {
    const on = life();
    if (on === null) return fail('NO_LIFE', 'this host does not move domains', 409);
    const parsed = v.safeParse(schema, body);
    if (!parsed.success) {
      const at = v.getDotPath(parsed.issues[0]) ?? 'body';
      return fail('BAD_REQUEST', `${at}: ${parsed.issues[0].message}`, 400);
    }
    try {
      return Response.json(await run(on, parsed.output as never));
    } catch (error) {
      const { code, message, details } = error as {
        code?: unknown;
        message: string;
        details?: object;
      };
      const named = typeof code === 'string' ? code : 'FAILED';
      if (details === undefined) return fail(named, message, 409);
      return Response.json({ error: { code: named, message, ...details } }, { status: 409 });
    }
  };
  app.get('/api/assignable', () => act({}, nothing, (on) => ({ devices: on.assignable() })));
  app.post('/api/assignable/add', async (c) =>
    act(
      await c.req.json().catch(() => null),
      deviceBody,
      (on, { device }: v.InferOutput<typeof deviceBody>) => on.addAssignable(device),
    ),
  );
  app.post('/api/assignable/remove', async (c) =>
    act(
      await c.req.json().catch(() => null),
      takeBackBody,
      (on, { device, rebind }: v.InferOutput<typeof takeBackBody>) =>
        on.removeAssignable(device, { rebind }),
    ),
  );
  app.post('/api/domains/:domain{\\d+}/:verb', async (c) => {
    const verb = VERBS[c.req.param('verb')];
    if (verb === undefined) return fail('NOT_FOUND', `there is no ${c.req.param('verb')}`, 404);
    if (verb.files === true && !own) return foreign();
    const domain = Number(c.req.param('domain'));
    const body = await c.req.json().catch(() => ({}));
    return act(body, verb.body, (on, given) => verb.run(on, domain, given));
  });
  app.post('/api/domains', async (c) =>
    own
      ? act(
          await c.req.json().catch(() => null),
          createBody,
          (on, { request, paused }: v.InferOutput<typeof createBody>) =>
            on.create(request, { paused }),
        )
      : foreign(),
  );
  app.post('/api/restore', async (c) =>
    own
      ? act(
          await c.req.json().catch(() => null),
          restoreBody,
          (on, { path: from, paused }: v.InferOutput<typeof restoreBody>) =>
            on.restore(from, { paused }),
        )
      : foreign(),
  );
}
