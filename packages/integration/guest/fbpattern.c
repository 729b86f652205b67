#include <stdio.h>
int main(void) { puts("fbpattern: to come"); return 0; }
