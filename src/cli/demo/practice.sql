-- A small practice, for the demo. Everybody in it is made up.
INSERT INTO definition (DefNum, Category, ItemOrder, ItemName) VALUES
    (19, 2, 0, 'Not Called'), (20, 2, 1, 'Unconfirmed'), (21, 2, 2, 'Confirmed'), (30, 35, 0, 'General');
INSERT INTO clinic (ClinicNum, Description, Abbr) VALUES (1, 'Main Street', 'Main');
INSERT INTO provider (ProvNum, Abbr, LName, FName, Specialty) VALUES
    (1, 'DOC', 'Albers', 'Brian', 30), (2, 'HYG', 'Sanchez', 'Maria', 30);
INSERT INTO operatory (OperatoryNum, OpName, Abbrev, ProvDentist, ProvHygienist, ClinicNum) VALUES
    (1, 'Room 1', 'R1', 1, 2, 1), (2, 'Room 2', 'R2', 1, 0, 1);
INSERT INTO patient (PatNum, LName, FName, Birthdate, PriProv, ClinicNum) VALUES
    (1, 'Allen', 'Sue', '1980-04-12', 1, 1), (2, 'Baker', 'Tom', '1975-11-03', 1, 1), (3, 'Cole', 'Ann', '2012-07-30', 1, 1);
