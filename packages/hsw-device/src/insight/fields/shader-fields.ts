import type { FieldTable } from './field.ts';

const KERNEL = 'Kernel 31:6 a';
const SCRATCH = 'Scratch Space 31:10 a, Per-thread Scratch 3:0';
const COUNTS =
  'Samplers 29:27, Binding Table Entries 25:18, Priority 17, Alternate Float 16, Illegal Opcode Exception 13';

/** Stages that have constants, tables, samplers and a part of the URB of their own. */
const STAGES = ['VS', 'HS', 'DS', 'GS', 'PS'] as const;

/** One table entry a stage, where the stages differ in the command's last two letters only. */
function perStage(
  name: string,
  dwords: readonly string[],
  stages: readonly string[] = STAGES,
): FieldTable {
  return Object.fromEntries(stages.map((stage) => [`${name}_${stage}`, dwords]));
}

/** Fields of what belongs to one shader stage, and of media and GPGPU commands. HSW PRM vol.2a, 2b, 7. */
export const SHADER_FIELDS: FieldTable = {
  ...perStage('3DSTATE_CONSTANT', [
    '1: Buffer 1 Length 31:16, Buffer 0 Length 15:0',
    '2: Buffer 3 Length 31:16, Buffer 2 Length 15:0',
    '3: Buffer 0 31:5 a, Cache Control 4:0',
    '4: Buffer 1 31:5 a',
    '5: Buffer 2 31:5 a',
    '6: Buffer 3 31:5 a',
  ]),
  ...perStage('3DSTATE_BINDING_TABLE_POINTERS', ['1: Binding Table 15:5 a']),
  ...perStage('3DSTATE_SAMPLER_STATE_POINTERS', ['1: Sampler States 31:5 a']),
  ...perStage(
    '3DSTATE_URB',
    ['1: Start 30:25, Entry Size 24:16, Entries 15:0'],
    ['VS', 'HS', 'DS', 'GS'],
  ),
  ...perStage('3DSTATE_PUSH_CONSTANT_ALLOC', ['1: Offset 20:16, Size 5:0']),
  ...perStage('3DSTATE_GATHER_CONSTANT', [
    '1: Buffers Valid 31:16 x, Binding Table Block 15:12',
    '2: Gather Buffer 22:6 a, DX9 4',
    '3%1: Entry 1 31:16 x, Entry 0 15:0 x',
  ]),
  ...perStage('3DSTATE_BINDING_TABLE_EDIT', [
    '1: Block Clear 31:16 x, Target 1:0',
    '2%1: Index 23:16, Surface State 15:0 x',
  ]),
  ...perStage('3DSTATE_DX9_CONSTANTF', ['1%1: Data 31:0 x'], ['VS', 'PS']),
  ...perStage('3DSTATE_DX9_CONSTANTI', ['1%1: Data 31:0 x'], ['VS', 'PS']),
  ...perStage('3DSTATE_DX9_CONSTANTB', ['1%1: Data 31:0 x'], ['VS', 'PS']),
  ...perStage('3DSTATE_DX9_LOCAL_VALID', ['1%1: Valid 31:0 x'], ['VS', 'PS']),
  ...perStage('3DSTATE_DX9_GENERATE_ACTIVE', ['1%1: Active 31:0 x'], ['VS', 'PS']),
  '3DSTATE_VS': [
    `1: ${KERNEL}`,
    `2: Single Vertex 31, Vector Mask 30, ${COUNTS}, UAV 12, Software Exception 7`,
    `3: ${SCRATCH}`,
    '4: First GRF 24:20, Read Length 16:11, Read Offset 9:4',
    '5: Threads 31:23, Statistics 10, Vertex Cache Disable 1, Enable 0',
  ],
  '3DSTATE_HS': [
    '1: Samplers 29:27, Binding Table Entries 25:18, Priority 17, Alternate Float 16, Illegal Opcode Exception 13, Software Exception 12, Threads 7:0',
    '2: Enable 31, Statistics 29, Instances 3:0',
    `3: ${KERNEL}`,
    `4: ${SCRATCH}`,
    '5: Single Program 27, Vector Mask 26, UAV 25, Vertex Handles 24, First GRF 23:19, Read Length 16:11, Read Offset 9:4',
    '6: Semaphore Handle 12:0 x',
  ],
  '3DSTATE_DS': [
    `1: ${KERNEL}`,
    `2: Single Domain Point 31, Vector Mask 30, ${COUNTS}, UAV 14, Software Exception 7`,
    `3: ${SCRATCH}`,
    '4: First GRF 24:20, Read Length 17:11, Read Offset 9:4',
    '5: Threads 29:21, Statistics 10, Compute W 2, Cache Disable 1, Enable 0',
  ],
  '3DSTATE_GS': [
    `1: ${KERNEL}`,
    `2: Single Program 31, Vector Mask 30, ${COUNTS}, UAV 12, Mask Stack Exception 11, Software Exception 7`,
    `3: ${SCRATCH}`,
    '4: Output Vertex Size 28:23, Output Topology 22:17, Read Length 16:11, Vertex Handles 10, Read Offset 9:4, First GRF 3:0',
    '5: Threads 31:24, Control Header Size 23:20, Instances 19:15, Default Stream 14:13, Dispatch Mode 12:11, Statistics 10, Invocation Increment 9:5, Primitive Id 4, Hint 3, Reorder 2, Discard Adjacency 1, Enable 0',
    '6: Control Format 31, Semaphore Handle 12:0 x',
  ],
  '3DSTATE_PS': [
    '1: Kernel 0 31:6 a',
    '2: Single Program 31, Vector Mask 30, Samplers 29:27, Denormals 26, Binding Table Entries 25:18, Priority 17, Alternate Float 16, Rounding 15:14, Illegal Opcode Exception 13, Mask Stack Exception 11, Software Exception 7',
    `3: ${SCRATCH}`,
    '4: Threads 31:23, Sample Mask 19:12 x, Push Constants 11, Attributes 10, oMask 9, Fast Clear 8, Dual Source 7, Resolve 6, UAV 5, Position Offset 4:3, Dispatch 32 2, Dispatch 16 1, Dispatch 8 0',
    '5: First GRF 0 22:16, First GRF 1 14:8, First GRF 2 6:0',
    '6: Kernel 1 31:6 a',
    '7: Kernel 2 31:6 a',
  ],
  MEDIA_VFE_STATE: [
    '1: Scratch Space 31:10 a, Stack Size 7:4, Per-thread Scratch 3:0',
    '2: Threads 31:16, URB Entries 15:8, Reset Gateway Timer 7, Bypass Gateway 6, GPGPU 2',
    '3: Half-slice Disable 1:0',
    '4: URB Entry Size 31:16, CURBE Size 15:0',
    '5: Scoreboard 31, Non-stalling 30, Scoreboard Mask 7:0 x',
    '6: Scoreboard Deltas 0 To 3 31:0 x',
    '7: Scoreboard Deltas 4 To 7 31:0 x',
  ],
  MEDIA_CURBE_LOAD: ['2: Length 16:0', '3: Start 31:0 a'],
  MEDIA_INTERFACE_DESCRIPTOR_LOAD: ['2: Length 16:0', '3: Start 31:0 a'],
  MEDIA_GATEWAY_STATE: ['1: Value 31:0 x'],
  MEDIA_STATE_FLUSH: ['1: Disable Preemption 8, Flush 7, Watermark 6, Descriptor 5:0'],
  MEDIA_POOL_STATE: ['1%1: Value 31:0 x'],
  MEDIA_OBJECT: [
    '1: Descriptor 5:0',
    '2: Children 31, Synchronize 24, Scoreboard 21, Slice 19, Half-slice 18:17, Data Length 16:0',
    '3: Data 31:0 a',
    '4: Scoreboard Y 24:16, Scoreboard X 8:0',
    '5: Scoreboard Color 19:16, Scoreboard Mask 7:0 x',
    '6%1: Inline Data 31:0 x',
  ],
  MEDIA_OBJECT_PRT: [
    '1: Descriptor 5:0',
    '2: Children 31, Fence 23, Fence Type 22',
    '4%1: Inline Data 31:0 x',
  ],
  MEDIA_OBJECT_WALKER: [
    '1: Descriptor 5:0',
    '2: Children 31, Synchronize 24, Scoreboard 21, Data Length 16:0',
    '3: Data 31:0 a',
    '5: Scoreboard Mask 7:0 x',
    '6: Dual 31, Repel 30, Quad 29, Colors Less One 27:24, Middle Loop Steps 20:16, Mid-loop Y 13:12 i, Mid-loop X 9:8 i',
    '7: Global Loops 25:16, Local Loops 9:0',
    '8: Block Height 24:16, Block Width 8:0',
    '9: Local Start Y 24:16, Local Start X 8:0',
    '11: Local Outer Y 25:16 i, Local Outer X 9:0 i',
    '12: Local Inner Y 25:16 i, Local Inner X 9:0 i',
    '13: Global Height 24:16, Global Width 8:0',
    '14: Global Start Y 25:16 i, Global Start X 9:0 i',
    '15: Global Outer Y 25:16 i, Global Outer X 9:0 i',
    '16: Global Inner Y 25:16 i, Global Inner X 9:0 i',
    '17%1: Inline Data 31:0 x',
  ],
  GPGPU_OBJECT: [
    '0: Predicated 8',
    '1: Fixed Shared Memory Offset 7, Descriptor 5:0',
    '2: Shared Memory Offset 31:28, End Of Group 24, Slice 19, Half-slice 18:17, Data Length 16:0',
    '3: Data 31:0 a',
    '4: Group X 31:0',
    '5: Group Y 31:0',
    '6: Group Z 31:0',
    '7: Execution Mask 31:0 x',
  ],
  GPGPU_WALKER: [
    '0: Indirect 10, Predicated 8',
    '1: Descriptor 5:0',
    '2: SIMD Size 31:30, Thread Depth 21:16, Thread Height 13:8, Thread Width 5:0',
    '3: Start X 31:0',
    '4: Groups X 31:0',
    '5: Start Y 31:0',
    '6: Groups Y 31:0',
    '7: Start Z 31:0',
    '8: Groups Z 31:0',
    '9: Right Mask 31:0 x',
    '10: Bottom Mask 31:0 x',
  ],
};
