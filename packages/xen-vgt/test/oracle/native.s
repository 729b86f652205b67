# Executes one instruction after another on the real processor, as a process of Linux on x86-64.
#
# Each case comes from standard input as a record of 2,048 bytes: registers, vector state, code and
# what memory holds around a page boundary. It is put into the frame of a signal, whose return makes
# the processor have exactly that. Behind the instruction stand breakpoints: the next signal, for
# one of them or for a fault, has all of the state in its frame again, which goes to standard output.
#
# Layout of a record (offsets in bytes), see native.ts:
#   0 RAX RCX RDX RBX RSP RBP RSI RDI R8-R15; 128 RIP; 136 RFLAGS; 144 CS; 146 DS and ES;
#   160 FXSAVE area; 672 upper halves of YMM0-15; 928 code; 960 window of memory;
#   1984 out: signal, trap number, error code, CR2; 2016 out: XSTATE_BV
        .intel_syntax noprefix
        .globl _start

        .set RECORD, 2048
        .set O_RIP, 128
        .set O_FLAGS, 136
        .set O_CS, 144
        .set O_DS, 146
        .set O_FX, 160
        .set O_YMM, 672
        .set O_CODE, 928
        .set O_WINDOW, 960
        .set O_OUT, 1984
        .set O_BV, 2016

        .set DATA, 0x10000000           # two pages, nothing before and behind them
        .set WINDOW, DATA + 4096 - 512
        .set FIXED, 0x10010000          # one page that can only be read
        .set CODE, 0x20000000           # one page, nothing behind it

        .set SYS_read, 0
        .set SYS_write, 1
        .set SYS_mmap, 9
        .set SYS_mprotect, 10
        .set SYS_rt_sigaction, 13
        .set SYS_rt_sigreturn, 15
        .set SYS_exit, 60
        .set SYS_sigaltstack, 131
        .set SYS_modify_ldt, 154

        # Offsets in the frame's ucontext.
        .set GREGS, 40
        .set UC_RIP, GREGS + 16*8
        .set UC_FLAGS, GREGS + 17*8
        .set UC_CS, GREGS + 18*8
        .set UC_ERR, GREGS + 19*8
        .set UC_TRAP, GREGS + 20*8
        .set UC_CR2, GREGS + 22*8
        .set UC_FP, GREGS + 23*8
        # In the floating-point frame.
        .set FP_BV, 512
        .set FP_YMM, 576

        .bss
        .balign 64
record: .space RECORD
stack:  .space 65536
        .set STACK_BYTES, 65536

        .data
        .balign 8
        # Frame slot of each general register, in the order of the record.
slots:  .byte 13, 14, 12, 11, 15, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7
first:  .byte 1
        .balign 8
altstack: .quad stack, 0, STACK_BYTES
        # SA_SIGINFO | SA_ONSTACK | SA_RESTORER | SA_NODEFER
action: .quad handler, 0x4C000004, restore, 0
signals: .byte 4, 5, 7, 8, 11, 0       # ILL TRAP BUS FPE SEGV
        # Segments of 64 KiB for code of 16 bits: entry, base, limit, attributes (modify_ldt(2)).
        .balign 4
ldt:    .long 0, CODE, 0xffff, 0x44     # selector 0x07: code, readable
        .long 1, DATA, 0xffff, 0x40     # selector 0x0f: data
        .set LDT_BYTES, 16

        .text
map:    # rdi address, rsi bytes, rdx protection
        mov r10d, 0x32                  # MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
        mov r8, -1
        xor r9d, r9d
        mov eax, SYS_mmap
        syscall
        test rax, rax
        js fail
        ret

fail:   mov edi, 3
        mov eax, SYS_exit
        syscall

_start: mov edi, DATA
        mov esi, 8192
        mov edx, 3
        call map
        mov edi, FIXED
        mov esi, 4096
        mov edx, 3
        call map
        mov edi, FIXED
        mov ecx, 4096
        mov al, 0x5a
        rep stosb
        mov edi, FIXED
        mov esi, 4096
        mov edx, 1
        mov eax, SYS_mprotect
        syscall
        mov edi, CODE
        mov esi, 4096
        mov edx, 7
        call map
        mov ebx, offset ldt
        mov ebp, 2
1:      mov edi, 1
        mov rsi, rbx
        mov edx, LDT_BYTES
        mov eax, SYS_modify_ldt
        syscall
        test eax, eax
        jnz fail
        add ebx, LDT_BYTES
        dec ebp
        jnz 1b
        mov edi, offset altstack
        xor esi, esi
        mov eax, SYS_sigaltstack
        syscall
        mov ebx, offset signals
1:      movzx edi, byte ptr [rbx]
        test edi, edi
        jz 2f
        mov esi, offset action
        xor edx, edx
        mov r10d, 8
        mov eax, SYS_rt_sigaction
        syscall
        inc rbx
        jmp 1b
2:      mov eax, 0x2b                   # data segments for code of 32 bits
        mov ds, eax
        mov es, eax
        vzeroupper
        int3

restore: mov eax, SYS_rt_sigreturn
        syscall

        # edi signal, rdx ucontext
handler: cld
        mov rbx, rdx
        mov ebp, edi
        cmp byte ptr first[rip], 0
        jne next

        # The frame into the record, and out.
        xor ecx, ecx
1:      movzx eax, byte ptr slots[rcx]
        mov rax, [rbx + GREGS + rax*8]
        mov record[rcx*8], rax
        inc ecx
        cmp ecx, 16
        jne 1b
        mov rax, [rbx + UC_RIP]
        mov record[O_RIP], rax
        mov rax, [rbx + UC_FLAGS]
        mov record[O_FLAGS], rax
        movzx eax, word ptr [rbx + UC_CS]
        mov record[O_CS], rax
        mov r12, [rbx + UC_FP]
        mov rsi, r12
        mov edi, offset record + O_FX
        mov ecx, 512
        rep movsb
        lea rsi, [r12 + FP_YMM]
        mov edi, offset record + O_YMM
        mov ecx, 256
        rep movsb
        mov esi, WINDOW
        mov edi, offset record + O_WINDOW
        mov ecx, 1024
        rep movsb
        mov record[O_OUT], rbp
        mov rax, [rbx + UC_TRAP]
        mov record[O_OUT + 8], rax
        mov rax, [rbx + UC_ERR]
        mov record[O_OUT + 16], rax
        mov rax, [rbx + UC_CR2]
        mov record[O_OUT + 24], rax
        mov rax, [r12 + FP_BV]
        mov record[O_BV], rax
        mov esi, offset record
        mov edx, RECORD
1:      mov edi, 1
        mov eax, SYS_write
        syscall
        test rax, rax
        jle fail
        add rsi, rax
        sub rdx, rax
        jnz 1b

        # The next record into the frame.
next:   mov byte ptr first[rip], 0
        mov esi, offset record
        mov edx, RECORD
1:      xor edi, edi
        mov eax, SYS_read
        syscall
        test rax, rax
        jz done
        js fail
        add rsi, rax
        sub rdx, rax
        jnz 1b
        xor ecx, ecx
1:      movzx eax, byte ptr slots[rcx]
        mov rdx, record[rcx*8]
        mov [rbx + GREGS + rax*8], rdx
        inc ecx
        cmp ecx, 16
        jne 1b
        mov rax, record[O_RIP]
        mov [rbx + UC_RIP], rax
        mov rax, record[O_FLAGS]
        mov [rbx + UC_FLAGS], rax
        mov rax, record[O_CS]
        mov word ptr [rbx + UC_CS], ax
        mov word ptr [rbx + UC_CS + 6], 0x2b
        mov r12, [rbx + UC_FP]
        # Words 464 to 511 of the legacy part are the system's own.
        mov rdi, r12
        mov esi, offset record + O_FX
        mov ecx, 464
        rep movsb
        lea rdi, [r12 + FP_YMM]
        mov esi, offset record + O_YMM
        mov ecx, 256
        rep movsb
        or qword ptr [r12 + FP_BV], 7
        mov edi, DATA
        mov ecx, 8192
        xor eax, eax
        rep stosb
        mov edi, WINDOW
        mov esi, offset record + O_WINDOW
        mov ecx, 1024
        rep movsb
        mov edi, CODE
        mov ecx, 4096
        mov al, 0xcc
        rep stosb
        mov edi, record[O_RIP]          # a segment of 16 bits begins at CODE
        and edi, 4095
        add edi, CODE
        mov esi, offset record + O_CODE
        mov ecx, 15
        mov eax, CODE + 4096
        sub rax, rdi
        cmp rcx, rax
        cmova rcx, rax
        rep movsb
        movzx eax, word ptr record[O_DS]
        mov ds, eax
        mov es, eax
        ret

done:   xor edi, edi
        mov eax, SYS_exit
        syscall
