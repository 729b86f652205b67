import { configModel, portsModel } from './config.ts';
import { instructionsModel } from './instructions.ts';
import type { Model } from './model.ts';
import { vgaModel } from './vga.ts';

/** What `--model` may name. */
export const MODELS: readonly Model[] = [vgaModel, configModel, portsModel, instructionsModel];
