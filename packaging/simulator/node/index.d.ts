/** The path of the program. Throws where there is none for this platform. */
export function program(): string;
