// This source file is part of the swift-lock-pool open source project.
// Copyright (c) 2026 the swift-lock-pool authors. Licensed under Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "CFibers.h"

#include <stdint.h>
#include <stdlib.h>

#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)
#define SYMBOL(name) STRING(__USER_LABEL_PREFIX__) #name

void fiber_switch_stacks(void **from, void *to);
void fiber_start(void);

#if defined(__x86_64__)

__asm__(
    ".text\n"
    ".globl " SYMBOL(fiber_switch_stacks) "\n"
    SYMBOL(fiber_switch_stacks) ":\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n"
    "  movq %rsi, %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
    "  ret\n"
    ".globl " SYMBOL(fiber_start) "\n"
    SYMBOL(fiber_start) ":\n"
    "  movq %r13, %rdi\n"
    "  callq *%r12\n"
    "  ud2\n");

void fiber_prepare(fiber *fiber, void *stack, size_t size, void (*body)(void *), void *argument) {
  uintptr_t top = ((uintptr_t)stack + size) & ~(uintptr_t)15;
  void **sp = (void **)top;
  *--sp = NULL;
  *--sp = NULL;
  *--sp = (void *)fiber_start;  // the return address: entered with a stack aligned to 16 bytes
  *--sp = NULL;                 // rbp
  *--sp = NULL;                 // rbx
  *--sp = (void *)body;         // r12
  *--sp = argument;             // r13
  *--sp = NULL;                 // r14
  *--sp = NULL;                 // r15
  fiber->stack_pointer = sp;
}

#elif defined(__aarch64__)

__asm__(
    ".text\n"
    ".globl " SYMBOL(fiber_switch_stacks) "\n"
    ".p2align 2\n"
    SYMBOL(fiber_switch_stacks) ":\n"
    "  sub sp, sp, #160\n"
    "  stp x19, x20, [sp, #0]\n  stp x21, x22, [sp, #16]\n  stp x23, x24, [sp, #32]\n  stp x25, x26, [sp, #48]\n"
    "  stp x27, x28, [sp, #64]\n  stp x29, x30, [sp, #80]\n"
    "  stp d8, d9, [sp, #96]\n  stp d10, d11, [sp, #112]\n  stp d12, d13, [sp, #128]\n  stp d14, d15, [sp, #144]\n"
    "  mov x9, sp\n  str x9, [x0]\n  mov sp, x1\n"
    "  ldp x19, x20, [sp, #0]\n  ldp x21, x22, [sp, #16]\n  ldp x23, x24, [sp, #32]\n  ldp x25, x26, [sp, #48]\n"
    "  ldp x27, x28, [sp, #64]\n  ldp x29, x30, [sp, #80]\n"
    "  ldp d8, d9, [sp, #96]\n  ldp d10, d11, [sp, #112]\n  ldp d12, d13, [sp, #128]\n  ldp d14, d15, [sp, #144]\n"
    "  add sp, sp, #160\n"
    "  ret\n"
    ".globl " SYMBOL(fiber_start) "\n"
    ".p2align 2\n"
    SYMBOL(fiber_start) ":\n"
    "  mov x0, x20\n"
    "  blr x19\n"
    "  brk #1\n");

void fiber_prepare(fiber *fiber, void *stack, size_t size, void (*body)(void *), void *argument) {
  uintptr_t top = ((uintptr_t)stack + size) & ~(uintptr_t)15;
  void **sp = (void **)(top - 160);
  for (int i = 0; i < 20; i++) sp[i] = NULL;
  sp[0] = (void *)body;          // x19
  sp[1] = argument;              // x20
  sp[11] = (void *)fiber_start;  // x30
  fiber->stack_pointer = sp;
}

#else
#error "Fibers are written for x86-64 and arm64."
#endif

void fiber_switch(fiber *from, fiber *to) { fiber_switch_stacks(&from->stack_pointer, to->stack_pointer); }
