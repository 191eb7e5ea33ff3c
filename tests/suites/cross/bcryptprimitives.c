/* The one function of bcryptprimitives.dll that Rust's standard library calls: Debian's wine has no
 * such library. For tests alone; Windows has its own. */

#include <windows.h>

#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length) {
    return RtlGenRandom(data, (ULONG)length);
}
