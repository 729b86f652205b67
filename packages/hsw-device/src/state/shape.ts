/** More numbers than any state has in one list. */
const NUMBERS_MAX: number = 1 << 22;

/**
 * Why a value has not the form of another of the same kind; null when it has. Objects need the same
 * keys; lists of objects, and of so many as the model has, the same length; lists of numbers are free.
 *
 * @param model what an export gives
 */
export function shapeError(model: unknown, value: unknown, path: string): string | null {
  if (Array.isArray(model)) return listError(model, value, path);
  if (model !== null && typeof model === 'object') {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
      return `${path} is no object`;
    }
    for (const [key, part] of Object.entries(model)) {
      const wrong = shapeError(part, (value as Record<string, unknown>)[key], `${path}.${key}`);
      if (wrong !== null) return wrong;
    }
    return null;
  }
  if (typeof model === 'number') return Number.isFinite(value) ? null : `${path} is no number`;
  if (model === null) return null;
  return typeof value === typeof model ? null : `${path} is no ${typeof model}`;
}

function listError(model: readonly unknown[], value: unknown, path: string): string | null {
  if (!Array.isArray(value)) return `${path} is no list`;
  if (typeof model[0] === 'object' && model[0] !== null && !Array.isArray(model[0])) {
    if (value.length !== model.length) return `${path} has ${value.length} parts`;
    for (const [i, part] of model.entries()) {
      const wrong = shapeError(part, value[i], `${path}[${i}]`);
      if (wrong !== null) return wrong;
    }
    return null;
  }
  if (value.length > NUMBERS_MAX) return `${path} is too long`;
  return null;
}

/** Whether a value is a list of finite numbers. */
export function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isFinite(n));
}
