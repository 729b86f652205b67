/** The four registers of an interrupt set, bytes from its base. PRM vol.2c "Interrupt". */
export const IRQ_ISR = 0x0;
export const IRQ_IMR = 0x4;
export const IRQ_IIR = 0x8;
export const IRQ_IER = 0xc;

/** Bases of the sets. i915: `DEISR`, `GTISR`, `GEN6_PMISR`, `SDEISR`. */
export const DE_IRQ = 0x44000;
export const GT_IRQ = 0x44010;
export const PM_IRQ = 0x44020;
export const PCH_IRQ = 0xc4000;

/** DEIER 31, the master enable of the whole function. i915: `DE_MASTER_IRQ_CONTROL`. */
export const DE_MASTER: number = 1 << 31;
/** DE 28: something is pending in the PCH. i915: `DE_PCH_EVENT_IVB`. */
export const DE_PCH_EVENT: number = 1 << 28;

/** GT interrupt bits. PRM vol.2c "GT Interrupt Bit Definition"; i915 `GT_*_INTERRUPT`. */
export const GT_RCS_USER = 0x1;
export const GT_RCS_PARITY = 0x20;
export const GT_RCS_PIPE_CONTROL = 0x10;
export const GT_RCS_ERROR = 0x8;
export const GT_VCS_USER = 0x1000;
export const GT_VCS_FLUSH = 0x10000;
export const GT_BCS_USER = 0x400000;
export const GT_BCS_FLUSH = 0x4000000;
/** PM interrupt bits. i915 `GEN6_PM_*`, `PM_VEBOX_*`. */
export const PM_RP_DOWN_EI = 0x2;
export const PM_RP_UP_EI = 0x4;
export const PM_RP_DOWN_THRESHOLD = 0x10;
export const PM_RP_UP_THRESHOLD = 0x20;
export const PM_RP_DOWN_TIMEOUT = 0x40;
export const PM_VECS_USER = 0x400;
export const PM_VECS_FLUSH = 0x2000;
