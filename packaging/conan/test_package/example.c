/* The library is there, and speaks the interface of its header. */

#include <keyfob.h>
#include <stdio.h>

int main(void) {
    printf("keyfob, ABI version %u\n", (unsigned)keyfob_abi_version());
    return keyfob_abi_version() >= KEYFOB_ABI_VERSION ? 0 : 1;
}
