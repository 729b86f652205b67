/**
 * Progress of the set-up, on stderr: stdout belongs to the command that is run afterwards.
 * On a terminal the current step is one line that is redrawn; elsewhere each step is a line.
 */
const tty = process.stderr.isTTY === true && !process.env['CI'];
const TICK_MS = 120;
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** Prints one line to stderr. @param {string} line */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * Runs one step with its name, its latest output line and its time shown while it lasts.
 * @template T
 * @param {string} title
 * @param {(detail: (line: string) => void) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(title, work) {
  const started = performance.now();
  let last = '';
  let frame = 0;
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  const draw = () => {
    const text = `${FRAMES[frame++ % FRAMES.length]} ${title} ${seconds()}  ${last}`;
    process.stderr.write(`\r\x1b[2K${text.slice(0, (process.stderr.columns || 80) - 1)}`);
  };
  const timer = tty ? setInterval(draw, TICK_MS) : undefined;
  if (!tty) say(`… ${title}`);
  const finish = (/** @type {string} */ mark) => {
    if (timer) clearInterval(timer);
    process.stderr.write(`${tty ? '\r\x1b[2K' : ''}${mark} ${title} ${seconds()}\n`);
  };
  try {
    const result = await work((line) => {
      last = line;
    });
    finish('✔');
    return result;
  } catch (error) {
    finish('✖');
    throw error;
  }
}
