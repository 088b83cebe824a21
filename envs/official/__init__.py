"""Official data on the user's machine: what there is, how it comes in, whether it is still as it came.

`catalogue` knows each benchmark's files; `sources` reads folders and archives without trusting them;
`checks` looks at every record; `importing` brings files in, all or nothing; `verifying` re-hashes them.
"""
