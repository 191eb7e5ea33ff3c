/* Puts a certificate, a file of PEM, into one of the stores of Windows: authorities STORE FILE */

#include <windows.h>
#include <stdio.h>
#include <wincrypt.h>

int main(int count, char **argument) {
    static char pem[65536];
    static BYTE der[65536];
    DWORD length = sizeof der;
    FILE *file = count == 3 ? fopen(argument[2], "rb") : NULL;
    HCERTSTORE store = count == 3 ? CertOpenSystemStoreA(0, argument[1]) : NULL;
    return !(file != NULL && fread(pem, 1, sizeof pem - 1, file) > 0 &&
             CryptStringToBinaryA(pem, 0, CRYPT_STRING_BASE64HEADER, der, &length, NULL, NULL) &&
             CertAddEncodedCertificateToStore(store, X509_ASN_ENCODING, der, length, CERT_STORE_ADD_REPLACE_EXISTING, NULL) &&
             CertCloseStore(store, 0));
}
