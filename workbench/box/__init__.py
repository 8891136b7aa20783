r"""The box: an empty machine for each program that a model wrote.

    run_boxed({"main.py": b"print(2 ** 10)"}, ["main.py"], BoxLimits()).stdout     b"1024\n"

method        making a box on this machine: bubblewrap, namespaces, or a refusal with its reasons
permission    the permission to run generated code without a box
runner        programs in boxes, which end at their limits
limits        limits of a box, and the end of a program
interpreter   the files of Python that a box shows
bubblewrap    command line of bubblewrap
call_tests    tests of an answer's functions, in two boxes that exchange values

Run inside a box, or by the process that makes one; they import nothing heavy:

namespaces    a box of Linux namespaces
inside        the last steps: limits, user, capabilities, Landlock, system calls; then the program
syscalls      system calls that Python has no function for
landlock      file and network rules that a process can't take back
call_filter   the system calls that a program may not make
plain_values  values as bytes
message_pipe  messages through pipes
text_module   Python source that no file holds
answer_side   the process of the answer, which computes values
tests_side    the process of the tests, which compares them
"""
